Feature: The server carries the rate it was bought for
  One number: this many requests per second, and nobody waits for a place.

  Scenario: Twelve requests per second
    Given the model "llama-3.1-8b" is being served
    And prompts of 512 tokens are answered in 64 tokens
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
