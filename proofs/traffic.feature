Feature: Traffic comes as people bring it
  Not at equal distances and not always at the same rate.

  Background:
    Given the model "llama-3.1-8b" is being served

  Scenario: Requests that come in bursts wait for each other
    Given prompts of 100 to 900 tokens are answered in 64 ± 16 tokens
    And requests arrive in bursts at 4 per second with a coefficient of variation of 3
    When the load runs for 4 minutes
    Then these objectives are met:
      | request rate | between 2.5 and 5.5 per second |
      | p90 TTFT     | at most 2 s                    |
      | error rate   | none                           |

  Scenario: A morning with a lunch break, when people come in groups
    Given prompts of 512 tokens are answered in 64 tokens
    And requests arrive in bursts with a coefficient of variation of 3
    And the request rate follows these stages:
      | for 30 seconds | from 1 to 6 per second |
      | for 30 seconds | 1 per second           |
      | for 30 seconds | from 1 to 6 per second |
    When the load runs for 90 seconds
    Then these objectives are met:
      | requests   | between 120 and 360 |
      | p50 TTFT   | at most 500 ms      |
      | error rate | none                |

  Scenario: A machine that asks like clockwork, faster by the hour
    Given prompts of 512 tokens are answered in 64 tokens
    And requests arrive evenly
    And the request rate follows these stages:
      | for 30 seconds | 2 per second |
      | for 30 seconds | 4 per second |
    When the load runs for 1 minute
    Then these objectives are met:
      | requests   | between 179 and 181 |
      | max TTFT   | at most 500 ms      |
      | error rate | none                |

  Scenario: Days that last a minute
    Given prompts of 512 tokens are answered in 64 tokens
    And the request rate swings between 1 and 9 per second every 1 minute
    And requests arrive as a Poisson process
    When the load runs for 2 minutes
    Then these objectives are met:
      | request rate | between 4 and 6 per second |
      | p95 TTFT     | at most 500 ms             |

  Scenario: Two hundred people at one instant
    Given prompts of 512 tokens are answered in 64 tokens
    And all requests arrive at once
    When the load runs for 200 requests
    Then these objectives are met:
      | requests        | exactly 200  |
      | max concurrency | at least 190 |
      | max TTFT        | at most 10 s |
      | error rate      | none         |

  Scenario: The same minute, stretched to another rate
    Given requests arrive as in the trace "azure-2023" at 2 per second
    When the load runs for 90 seconds
    Then these objectives are met:
      | requests     | between 140 and 220          |
      | error rate   | none                         |

  Scenario: Conversations that share their beginnings, twice as fast as they came
    Given requests arrive as in the trace "mooncake", 2 times as fast
    When the load runs for 240 requests
    Then these objectives are met:
      | requests              | exactly 240  |
      | prefix cache hit rate | at least 15% |
      | error rate            | none         |

  Scenario: Users whose thoughts have no memory
    Given prompts of 256 tokens are answered in 64 tokens
    And 16 users ask with an exponential think time of 2 seconds
    When the load runs for 1 minute
    Then these objectives are met:
      | request rate | between 4 and 9 per second |
      | error rate   | none                       |

  Scenario: Users who mostly ask soon and sometimes late
    Given prompts of 256 tokens are answered in 64 tokens
    And 16 users ask with a log-normal think time of 2 ± 3 seconds
    When the load runs for 1 minute
    Then these objectives are met:
      | request rate | between 3 and 10 per second |
      | error rate   | none                        |

  Scenario: Some people leave before the end
    Given prompts of 256 tokens are answered in 256 tokens
    And requests arrive as a Poisson process at 4 per second
    And 20% of requests are given up after 1 second
    When the load runs for 2 minutes
    Then these objectives are met:
      | attainment      | between 70% and 90% |
      | p95 TTFT        | at most 500 ms      |
      | p50 E2E latency | at most 5 s         |
      | error rate      | none                |
