Feature: What was said before costs little the second time
  A conversation's history, and a beginning that many prompts share, are in the
  server's prefix cache.

  Background:
    Given the model "llama-3.1-8b" is being served

  Scenario: The same history every time
    Given conversations are drawn from "sharegpt"
    And conversations have 2 recorded turns
    And answers are at most 64 tokens long
    And 8 users ask with a think time of 1 second
    When the load runs for 1 minute
    Then these objectives are met:
      | prefix cache hit rate | at least 10%   |
      | p95 TTFT              | at most 500 ms |
      | error rate            | none           |

  Scenario: Nothing helps where the cache is cold
    Given prompts of 128 tokens are answered in 32 tokens
    And prompts in 4 groups share a prefix of 1,024 tokens
    And the prefix cache is cold
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | prefix cache hit rate | none           |
      | p95 TTFT              | at most 500 ms |
      | error rate            | none           |

  Scenario: All has been asked before
    Given prompts of 200 to 400 tokens are answered in 32 tokens
    And the prefix cache is warm
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | prefix cache hit rate | at least 90%   |
      | p95 TTFT              | at most 100 ms |
      | error rate            | none           |

  Scenario: Six of ten tokens are known
    Given prompts of 200 to 400 tokens are answered in 32 tokens
    And 60% of prompt tokens are found in the prefix cache
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | prefix cache hit rate | between 57% and 63% |
      | p95 TTFT              | at most 200 ms      |
      | error rate            | none                |

  Scenario: What earlier runs left
    Each run asks all of forty prompts; the second finds what the first one asked.
    Given conversations are drawn from "prompts"
    And answers are at most 8 tokens long
    And what earlier runs left in the prefix cache is used
    And requests arrive evenly at 4 per second
    And everything is repeated 2 times
    When the load runs for 40 requests
    Then these objectives are met:
      | prefix cache hit rate | at least 30% |
      | error rate            | none         |

  Scenario: What earlier runs left is not found unless that is said
    Given conversations are drawn from "prompts"
    And answers are at most 8 tokens long
    And requests arrive evenly at 4 per second
    And everything is repeated 2 times
    When the load runs for 40 requests
    Then these objectives are met:
      | prefix cache hit rate | none           |
      | p50 TTFT              | at most 100 ms |
      | error rate            | none           |

  Scenario: Prompts of an exact length, asked as chats
    Given the model "llama-3.1-8b" is being served
    And prompts of 512 tokens are answered in 64 tokens
    And it is asked over "chat"
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | min input tokens | exactly 512    |
      | max input tokens | exactly 512    |
      | p50 TTFT         | at most 300 ms |
      | error rate       | none           |
