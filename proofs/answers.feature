@simulated
Feature: Fast but wrong fails
  A server that has become fast by being wrong answers within every limit of latency.

  Background:
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And conversations are drawn from "sharegpt"
    And answers are at most 1000 tokens long
    And requests arrive as a Poisson process at 5 per second

  Scenario: Answers follow a schema
    Given answers follow the schema "proofs/answers/city.json"
    When the load runs for 2 minutes
    Then these objectives are met:
      | valid answers | at least 99%   |
      | p50 TTFT      | at most 500 ms |

  Scenario: Some answers do not
    Given answers follow the schema "proofs/answers/city.json"
    And it has the fault "loop share=5%"
    When the load runs for 2 minutes
    Then these objectives are met:
      | p50 TTFT      | at most 500 ms      |
      | error rate    | none                |
      | valid answers | between 90% and 98% |
    And the objective "valid answers at least 99%" is missed
    And the reason names "were not JSON"

  Scenario: Answers call tools
    Given answers call the tools of "proofs/answers/tools.json"
    When the load runs for 2 minutes
    Then these objectives are met:
      | valid answers | at least 99% |

  Scenario: Some call nothing
    Given answers call the tools of "proofs/answers/tools.json"
    And it has the fault "loop share=10%"
    When the load runs for 2 minutes
    Then the objective "valid answers at least 95%" is missed
    And the reason names "called no tool as it is declared"

  Scenario: Answers end in a loop
    Given answers do not repeat themselves
    And answers are written in "Latin"
    And it has the fault "loop share=10%"
    When the load runs for 2 minutes
    Then the objective "valid answers at least 95%" is missed
    And the reason names "ended in a loop"

  Scenario: Answers end by themselves
    Given answers end by themselves
    When the load runs for 2 minutes
    Then these objectives are met:
      | valid answers | at least 97% |
