Feature: The server carries the rate it was bought for
  One number: this many requests per second, and no request waits for a place.

  Background:
    Given the model "llama-3.1-8b" is being served

  Scenario: Twelve requests per second
    Given prompts of 512 tokens are answered in 64 tokens
    And a request is good when:
      | TTFT | at most 500 ms |
    And requests arrive as a Poisson process at 12 per second
    And at most 256 requests are in flight
    And the first 10 seconds are warm-up
    When the load runs for 1 minute
    Then these objectives are met:
      | attainment            | at least 95%           |
      | request throughput    | at least 10 per second |
      | mean waiting requests | at most 4              |

  Scenario: The curve from idle to busy
    Given prompts of 512 tokens are answered in 16 tokens
    And requests arrive as a Poisson process
    And each run lasts 40 seconds
    When the load is swept over 2, 8 and 16 requests per second
    Then these objectives are met:
      | error rate | none |
    And these objectives are met at 8 per second:
      | p90 TTFT | at most 100 ms |

  Scenario: How much one GPU can carry
    Given prompts of 512 tokens are answered in 4 tokens
    And requests arrive as a Poisson process
    And each run lasts 400 requests
    And the search takes at most 1 minute
    When the highest request rate between 32 and 256 per second is sought that meets:
      | p90 TTFT   | at most 500 ms |
      | error rate | none           |
    Then that rate is at least 32 per second
