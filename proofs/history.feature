@simulated
Feature: A scenario is held against its own earlier runs
  Runs are found by the names of feature and scenario, or by a tag, and never by the line that they stand in.

  Background:
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 128 ± 16 tokens are answered in 16 ± 4 tokens
    And requests arrive as a Poisson process at 8 per second
    And the seed is 7
    And everything is repeated 6 times

  @id:held-against-its-past
  Scenario: Chat as it was
    When the load runs for 5 seconds
    Then these objectives are met:
      | error rate | none |

  @id:held-against-its-past
  Scenario: Chat as it is
    When the load runs for 5 seconds
    Then compared with the last 2 runs:
      | p50 TPOT | at most 5% worse |
    And compared with the run "chat-as-it-was":
      | p50 TPOT | at most 5% worse |
