Feature: Traffic comes as people bring it
  Not at equal distances and not always at the same rate.

  Background:
    Given the model "llama-3.1-8b" is being served

  Scenario: A morning
    Given prompts of 512 tokens are answered in 64 tokens
    And the request rate follows these stages:
      | for 30 seconds | 1 per second           |
      | for 30 seconds | from 1 to 9 per second |
      | for 30 seconds | 9 per second           |
    When the load runs for 90 seconds
    Then these objectives are met:
      | requests   | between 380 and 520 |
      | p75 TTFT   | at most 500 ms      |
      | error rate | none                |

  Scenario: A minute of coding assistance, as it was recorded
    Given requests arrive as in the trace "azure-2023"
    When the load runs for 240 requests
    Then these objectives are met:
      | requests          | exactly 240          |
      | mean input tokens | between 800 and 1,800 |
      | p90 TTFT          | at most 2 s          |
      | error rate        | none                 |
