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
    When the load runs for 3 minutes
    Then these objectives are met:
      | chat: p90 longest gap  | at most 500 ms   |
      | batch: p75 longest gap | at most 500 ms   |
      | chat: requests         | at least 400     |
      | batch: requests        | at least 50      |
      | chat: attainment       | at least 97%     |
      | error rate             | none             |
    And the objective "queries: p90 longest gap at most 500 ms" is missed
