@simulated
Feature: Each kind of traffic is judged by its own limits

  Scenario: A fault of one adapter is missed by that adapter's users only
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it serves the adapter "sql"
    And it has the fault "stall delay=3s every=4 model=sql"
    And the traffic is a mix of:
      | chat    | 60% | conversations are drawn from "sharegpt"; answers are at most 64 tokens long |                |                 |
      | queries | 30% | prompts of 400 tokens are answered in 40 tokens                             | asked of "sql" |                 |
      | batch   | 10% | prompts of 2,000 tokens are answered in 100 tokens                          |                | with priority 5 |
    And a request is good when:
      | chat: TTFT    | at most 500 ms |
      | queries: TTFT | at most 1 s    |
      | E2E latency   | at most 10 s   |
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 5 minutes
    Then these objectives are met:
      | chat: p90 longest gap  | at most 500 ms   |
      | batch: p90 longest gap | at most 500 ms   |
      | chat: requests         | at least 800     |
      | batch: requests        | at least 100     |
      | chat: attainment       | at least 98%     |
      | error rate             | none             |
    And the objective "queries: p90 longest gap at most 500 ms" is missed

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
