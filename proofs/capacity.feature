Feature: The server carries the rate it was bought for
  One number: this many requests per second, and no request waits for a place.

  Background:
    Given the model "llama-3.1-8b" is being served

  Scenario: The curve from one user to a room full of them
    Given prompts of 512 tokens are answered in 16 tokens
    And users ask with an exponential think time of 1 second
    And each run lasts 400 requests
    When the load is swept over 1, 8 and 32 users
    Then these objectives are met with 32 users:
      | p50 TTFT | at most 250 ms |

  Scenario: How many people one GPU can serve
    Given prompts of 512 tokens are answered in 16 tokens
    And users ask with an exponential think time of 1 second
    And each run lasts 400 requests
    When the highest number of users between 12 and 16 is sought that meets:
      | p50 TTFT | at most 250 ms |
    Then that number of users is at least 12
