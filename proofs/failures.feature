@simulated
Feature: A failed request is never a fast one

  Background:
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second

  Scenario: A refused request is an error, not a fast answer
    Given it refuses 5% of requests
    When the load runs for 2 minutes
    Then these objectives are met:
      | error rate | between 3% and 7% |
      | p50 TTFT   | at least 10 ms    |
    And the objective "p99 TTFT at most 500 ms" is missed
    And the objective "error rate at most 1%" is missed

  Scenario: An answer that is cut short does not count as answered
    Given it cuts 10% of answers short
    When the load runs for 2 minutes
    Then these objectives are met:
      | error rate | between 7% and 13% |

  Scenario: An error event under status 200 is an error
    Given it breaks off 10% of answers with an error
    When the load runs for 2 minutes
    Then these objectives are met:
      | error rate | between 7% and 13% |

  Scenario: Errors of the server count under their status
    Given it answers 10% of requests with status 503
    When the load runs for 2 minutes
    Then these objectives are met:
      | error rate | between 7% and 13% |
