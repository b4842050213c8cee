@simulated
Feature: A missed objective says why, and the reason is the true one
  Each of these servers has one thing wrong with it, which we know and the harness
  does not.

  Background:
    Given a simulated server of "llama-3.1-8b" on "one H100"

  Scenario: The KV cache shrinks
    Given its cache shrinks to 60 blocks after 10 seconds
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p90 TTFT at most 200 ms" is missed
    And the reason names "the KV cache was full"

  Scenario: The engine stands still
    Given it freezes for 10 seconds after 20 seconds
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 1 minute
    Then the objective "p90 TTFT at most 500 ms" is missed
    And the reason names "the engine stood still"

  Scenario: The network is slow
    Given the network to it takes 150 milliseconds each way
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p90 TTFT at most 200 ms" is missed
    And the reason names "time passed between client and server"

  Scenario: Something before the server holds answers back
    Given it has the fault "delay delay=2s share=20%"
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p90 TTFT at most 1 s" is missed
    And the reason names "by its own account the server gave no first token later than"

  Scenario: Its front end is busy
    Given it has the fault "front-end delay=2s share=20%"
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p90 TTFT at most 1 s" is missed
    And the reason names "requests waited in the server's front end"

  Scenario: The client itself was held up
    Given our client is held up for 6 seconds after 20 seconds
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 1 minute
    Then the objective "p95 TTFT at most 1 s" is unknown
    And the reason names "the client's own lateness decides"

  Scenario: The server's metrics do not answer in time
    Given it has the fault "metrics-slow delay=20s"
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "max KV cache usage at most 90%" is unknown
    And the reason names "the server's metrics could not be read: no answer came within 1 s"

  Scenario: One class fills the cache, and another is preempted
    Given it can hold 64 sequences and 400 cache blocks
    And the traffic is a mix of:
      | chat  | 80% | prompts of 256 tokens are answered in 64 tokens     | | |
      | batch | 20% | prompts of 600 tokens are answered in 800 tokens | | |
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 1 minute
    Then the objective "chat: p90 TTFT at most 200 ms" is missed
    And the reason names "requests of the class batch held"

  Scenario: Connections are refused
    Given it refuses 20% of requests
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p90 TTFT at most 1 s" is missed
    And the reason names "connections were"

  Scenario: Answers end with an error
    Given it breaks off 20% of answers with an error
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "error rate at most 1%" is missed
    And the reason names "broke off answers with an error"

  Scenario: The server is overloaded and says so
    Given it answers 20% of requests with status 503
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p90 E2E latency at most 2 s" is missed
    And the reason names "answered with status 503"

  Scenario: The prefix cache is not what it was to be
    Given it has no prefix cache
    And the prefix cache is warm
    And prompts of 128 tokens are answered in 16 tokens
    And requests arrive as a Poisson process at 2 per second
    When the load runs for 1 minute
    Then the objective "p90 TTFT at most 1 s" is unknown
    And the reason names "the server looked nothing up in its prefix cache"

  Scenario: More comes than it can answer
    Given prompts of 4,000 tokens are answered in 16 tokens
    And requests arrive as a Poisson process at 16 per second
    When the load runs for 30 seconds
    Then the objective "p50 TTFT at most 500 ms" is missed
    And the reason names "more came than it could answer"

  Scenario: Long prompts of another class fill the steps
    Given the traffic is a mix of:
      | chat  | 80% | prompts of 128 tokens are answered in 64 tokens   | | |
      | batch | 20% | prompts of 16,000 tokens are answered in 8 tokens | | |
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 1 minute
    Then the objective "chat: p90 longest gap at most 50 ms" is missed
    And the reason names "prompts of the class batch took part in them"

  Scenario: There are too few places in the batch
    Given it can hold 2 sequences and 4,000 cache blocks
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p50 TTFT at most 500 ms" is missed
    And the reason names "all 2 places in its batch were taken"

  Scenario: Its steps grow slower
    Given its steps take 4 times as long after 30 seconds
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 1 minute
    Then the objective "p75 TPOT at most 20 ms" is missed
    And the reason names "the engine's steps grew slower with no more to do"

  Scenario: Single answers stop while the engine goes on
    Given it stalls every 5th answer for 5 seconds
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p90 longest gap at most 1 s" is missed
    And the reason names "while the engine went on"

  Scenario: Headers come late
    Given it sends the headers of 30% of answers late by 800 milliseconds
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p90 TTFT at most 500 ms" is missed
    And the reason names "until the headers came"

  Scenario: The server itself tells how long each request waited
    Given it tells the timings of each request
    And it can hold 2 sequences and 4,000 cache blocks
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p50 TTFT at most 500 ms" is missed
    And the reason names "waited in the server's queue"

  Scenario: Nothing is invented where nothing was seen
    Given it has the fault "metrics-missing"
    And it can hold 2 sequences and 4,000 cache blocks
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p50 TTFT at most 500 ms" is missed
    And the reason names "whether in its queue or in computing was not seen"

  Scenario: Its front end is busy, and the server times each request itself
    Given it has the fault "front-end delay=2s share=20%"
    And it tells the timings of each request
    And prompts of 256 tokens are answered in 64 tokens
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 30 seconds
    Then the objective "p90 TTFT at most 1 s" is missed
    And the reason names "requests waited in the server's front end"

  Scenario: A few prompts are long
    Given the traffic is a mix of:
      | chat  | 97% | prompts of 64 tokens are answered in 8 tokens    | | |
      | files | 3%  | prompts of 6,000 tokens are answered in 8 tokens | | |
    And requests arrive as a Poisson process at 4 per second
    When the load runs for 5 minutes
    Then the objective "p99 TTFT at most 100 ms" is missed
    And the reason names "they are long themselves"
