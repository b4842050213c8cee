@simulated
Feature: Each kind of traffic is judged by its own limits

  Scenario: Long conversations and quick questions side by side
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And the traffic is a mix of:
      | talk  | 30% | conversations are drawn from "sharegpt"; conversations have 3 turns; answers are at most 64 tokens long; people think for 5 seconds between turns |
      | quick | 70% | prompts of 200 tokens are answered in 20 tokens                                                                                              |
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 2 minutes
    Then these objectives are met:
      | talk: requests  | at least 250   |
      | quick: requests | at least 250   |
      | quick: p95 TTFT | at most 500 ms |
      | error rate      | none           |

  Scenario: A third of all questions are for two adapters
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it serves the adapter "sql"
    And it serves the adapter "poet"
    And conversations are drawn from "sharegpt"
    And answers are at most 64 tokens long
    And 25% of requests ask the adapter "sql"
    And 8% of requests ask the adapter "poet"
    And the prefix cache is cold
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | p95 TTFT   | at most 500 ms |
      | error rate | none           |
