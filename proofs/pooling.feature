Feature: Texts are embedded, classified, scored and ranked
  Nothing is generated here. How long a whole answer takes counts, and how many texts the server gets through.

  Background:
    Given the model "llama-3.1-8b" is being served

  Scenario: An index is built from batches of texts
    Given texts of 512 tokens are embedded, 16 at a time
    And requests arrive as a Poisson process at 2 per second
    When the load runs for 2 minutes
    Then these objectives are met:
      | p50 E2E latency           | at most 500 ms                    |
      | p50 E2E latency per input | at most 50 ms                     |
      | input throughput          | at least 25 per second            |
      | prompt token throughput   | at least 12,000 tokens per second |
      | mean inputs               | exactly 16                        |
      | mean input tokens         | exactly 8,192                     |
      | error rate                | none                              |
    And client and server agree on:
      | requests      | exactly |
      | prompt tokens | exactly |

  Scenario: Each message is classified by itself
    Given texts of 64 tokens are classified
    And requests arrive as a Poisson process at 20 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | p95 E2E latency  | at most 100 ms         |
      | input throughput | at least 15 per second |
      | error rate       | none                   |

  Scenario: Documents are ranked by a query
    Given queries of 16 tokens are ranked against 32 documents of 128 tokens
    And 4 users ask with a think time of 1 second
    When the load runs for 1 minute
    Then these objectives are met:
      | p50 E2E latency  | at most 250 ms         |
      | input throughput | at least 80 per second |
      | error rate       | none                   |

  Scenario: States are pooled as an embedding is
    Given texts of 100 to 300 tokens are embedded
    And it is asked over "pooling"
    And 4 users ask with a think time of 1 second
    When the load runs for 1 minute
    Then these objectives are met:
      | p50 E2E latency | at most 250 ms |
      | error rate      | none           |

  @simulated
  Scenario: A batch that lacks a vector did not come whole
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it cuts 10% of answers short
    And texts of 128 tokens are embedded, 8 at a time
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | error rate | between 6% and 14% |
    And the objective "error rate at most 1%" is missed
    And the reason names "one result for each input"

  @simulated
  Scenario: A score that is no number did not come
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it has the fault "garble share=10%"
    And queries of 16 tokens are scored against 4 documents of 128 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | error rate | between 6% and 14% |
    And the objective "error rate at most 1%" is missed
    And the reason names "no finite number"

  @simulated
  Scenario: A freeze is felt by all who were due during it
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it freezes for 10 seconds after 30 seconds
    And texts of 128 tokens are embedded, 8 at a time
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 1 minute
    Then these objectives are met:
      | max E2E latency | at least 8 s |
      | error rate      | none         |
    And the objective "p99 E2E latency at most 500 ms" is missed
