Feature: Over whichever interface a server is asked, it is measured alike
  Responses and messages are other words for the same question. What they cost
  a server is what a chat costs, and both sides count the same.

  Background:
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "sharegpt"
    And answers are at most 64 tokens long
    And requests arrive as a Poisson process at 8 per second

  Scenario: Chats
    When the load runs for 1 minute
    Then these objectives are met:
      | p50 TTFT   | at most 200 ms |
      | p50 ITL    | at most 20 ms  |
      | error rate | none           |
    And client and server agree on:
      | requests      | exactly |
      | prompt tokens | exactly |
      | output tokens | exactly |

  Scenario: Responses
    Given it is asked over "responses"
    When the load runs for 1 minute
    Then these objectives are met:
      | p50 TTFT   | at most 200 ms |
      | p50 ITL    | at most 20 ms  |
      | error rate | none           |
    And client and server agree on:
      | requests      | exactly |
      | prompt tokens | exactly |
      | output tokens | exactly |

  Scenario: Messages
    Given it is asked over "messages"
    When the load runs for 1 minute
    Then these objectives are met:
      | p50 TTFT   | at most 200 ms |
      | p50 ITL    | at most 20 ms  |
      | error rate | none           |
    And client and server agree on:
      | requests      | exactly |
      | prompt tokens | exactly |
      | output tokens | exactly |

  Scenario: Answers in one piece
    Given answers come in one piece
    When the load runs for 1 minute
    Then these objectives are met:
      | p50 E2E latency    | at most 1 s |
      | error rate       | none           |
      | mean output tokens | at least 16 |
    And client and server agree on:
      | requests         | exactly         |
      | output tokens    | exactly         |
      | mean E2E latency | to within 10 ms |

  Scenario: Messages in one piece
    Given it is asked over "messages"
    And answers come in one piece
    When the load runs for 1 minute
    Then these objectives are met:
      | p50 E2E latency | at most 1 s |
      | error rate      | none        |
    And client and server agree on:
      | requests      | exactly |
      | output tokens | exactly |

  @simulated
  Scenario: What fails over responses is not counted by either
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it is asked over "responses"
    And it refuses 5% of requests
    And it cuts 5% of answers short
    And it answers 5% of requests with status 503
    When the load runs for 30 seconds
    Then client and server agree on:
      | requests                | exactly |
      | prompt tokens           | exactly |
      | output tokens           | exactly |
      | answers ended by length | exactly |
      | HTTP errors             | exactly |

  @simulated
  Scenario: What fails over messages is not counted by either
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it is asked over "messages"
    And it refuses 5% of requests
    And it cuts 5% of answers short
    And it answers 5% of requests with status 503
    When the load runs for 30 seconds
    Then client and server agree on:
      | requests                | exactly |
      | prompt tokens           | exactly |
      | output tokens           | exactly |
      | answers ended by length | exactly |
      | HTTP errors             | exactly |
