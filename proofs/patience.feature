@simulated
Feature: Long answers are waited for
  A load is over long before answers of many thousand tokens are.

  Scenario: Answers of sixteen thousand tokens after a short load
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 200 tokens are answered in 16,000 tokens
    And requests arrive evenly at 1 per second
    And an answer may take at most 20 minutes
    And answers are awaited for at most 20 minutes after the load
    When the load runs for 5 seconds
    Then these objectives are met:
      | requests           | exactly 5      |
      | mean output tokens | exactly 16,000 |
      | error rate         | none           |

  Scenario: A batch that waits for its places
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 256 tokens are answered in 256 tokens
    And all requests arrive at once
    And at most 2 requests are in flight
    When the load runs for 60 requests
    Then these objectives are met:
      | requests   | exactly 60 |
      | error rate | none       |
