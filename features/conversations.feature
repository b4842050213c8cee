Feature: What was said before costs little the second time
  A conversation's history, and a beginning that many prompts share, are in the
  server's prefix cache.

  Background:
    Given the model "llama-3.1-8b" is being served

  Scenario: Four long instructions and many short questions
    Given prompts of 128 tokens are answered in 32 tokens
    And prompts in 4 groups share a prefix of 1,024 tokens
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | prefix cache hit rate | at least 80%                |
      | mean input tokens     | between 1,150 and 1,154     |
      | p90 TTFT              | at most 500 ms              |
      | error rate            | none                        |

  Scenario: Three questions, each with all that was said before it
    Given conversations are drawn from "sharegpt"
    And conversations have 3 turns
    And answers are at most 64 tokens long
    And requests arrive as a Poisson process at 2 per second
    And people think for 2 seconds between turns
    When the load runs for 1 minute
    Then these objectives are met:
      | prefix cache hit rate | at least 40%   |
      | p95 TTFT              | at most 500 ms |
      | error rate            | none           |
