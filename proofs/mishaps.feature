@simulated
Feature: Every way in which a server goes wrong shows as what it is

  Background:
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second

  Scenario: A stalled answer is a gap, not an average
    Given it stalls every 10th answer for 5 seconds
    When the load runs for 1 minute
    Then these objectives are met:
      | max longest gap | at least 4.9 s |
      | p50 ITL         | at most 20 ms  |
      | error rate      | none           |
    And the objective "p95 longest gap at most 1 s" is missed

  Scenario: A server that grows slow in the middle of the run
    Given its steps take 4 times as long after 30 seconds
    When the load runs for 1 minute
    Then these objectives are met:
      | min TPOT   | at most 10 ms |
      | error rate | none          |
    And the objective "p75 TPOT at most 25 ms" is missed

  Scenario: A cache that shrinks makes requests wait and begin again
    Given its cache shrinks to 60 blocks after 10 seconds
    When the load runs for 1 minute
    Then these objectives are met:
      | total preemptions    | at least 1 |
      | max waiting requests | at least 3 |
      | error rate           | none       |

  Scenario: Events that arrive in pieces are no errors
    Given it has the fault "split share=50%"
    When the load runs for 30 seconds
    Then these objectives are met:
      | error rate | none |

  Scenario: An event that cannot be read is one
    Given it has the fault "garble first=20"
    When the load runs for 1 minute
    Then these objectives are met:
      | error rate | between 3% and 7% |

  Scenario: The first requests after a start fail, then all is well
    Given it answers the first 20 requests with status 429
    When the load runs for 1 minute
    Then these objectives are met:
      | error rate | between 3% and 7% |
