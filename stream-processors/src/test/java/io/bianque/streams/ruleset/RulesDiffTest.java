package io.bianque.streams.ruleset;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RulesDiffTest {
  private static final String BEFORE =
      """
      # what was known in spring
      rules:
        - name: first
          probe: dropwatch
          when: >-
            event.sport == 9
            && event.dport == 9
          why: |
            nobody listens
            # there

        # about the second
        - name: second
          probe: dropwatch
          when: event.sport == 1   # for now
          tests:
            - event: {sport: 1}
              outcome: ignored
        - {name: third, probe: dropwatch, when: 'true'}
      """;

  @Test
  void aFileIsTheSameAsItself() {
    RulesDiff diff = RulesDiff.of(BEFORE, BEFORE);

    assertThat(diff.isEmpty()).isTrue();
    assertThat(diff.summary()).isEqualTo("the same rules");
  }

  @Test
  void indentationAndCommentsBetweenRulesMakeNoDifference() {
    String moved = "\n" + BEFORE.replace("# about the second", "").replaceAll("(?m)^  ", "");

    assertThat(RulesDiff.of(BEFORE, moved).isEmpty()).isTrue();
  }

  @Test
  void aChangedLineIsShownAmongThoseOfItsRule() {
    RulesDiff diff = RulesDiff.of(BEFORE, BEFORE.replace("&& event.dport == 9", "&& true"));

    assertThat(diff.changes())
        .singleElement()
        .satisfies(change -> {
          assertThat(change.rule()).isEqualTo("first");
          assertThat(change.kind()).isEqualTo("changed");
          assertThat(change.lines())
              .containsExactly(
                  "  name: first",
                  "  probe: dropwatch",
                  "  when: >-",
                  "    event.sport == 9",
                  "-   && event.dport == 9",
                  "+   && true",
                  "  why: |",
                  "    nobody listens",
                  "    # there");
        });
  }

  @Test
  void aRuleEndsBehindItsLastValue() {
    RulesDiff diff = RulesDiff.of("", BEFORE);

    assertThat(diff.summary()).isEqualTo("3 added");
    assertThat(diff.changes())
        .extracting(change -> change.after().orElseThrow())
        .satisfiesExactly(
            first -> assertThat(first).startsWith("name: first\n").endsWith("  # there"),
            second ->
                assertThat(second)
                    .contains("\nwhen: event.sport == 1   # for now\n")
                    .endsWith("\n    outcome: ignored"),
            third -> assertThat(third).isEqualTo("{name: third, probe: dropwatch, when: 'true'}"));
  }

  @Test
  void aRuleThatWentAndOneThatCame() {
    RulesDiff diff = RulesDiff.of(BEFORE, BEFORE.replace("name: second", "name: fourth"));

    assertThat(diff.changes())
        .extracting(change -> change.kind() + " " + change.rule())
        .containsExactly("removed second", "added fourth");
    assertThat(diff.reordered()).isFalse();
  }

  @Test
  void anotherOrderIsADifference() {
    RulesDiff diff =
        RulesDiff.of(
            "rules: [{name: a, when: x}, {name: b, when: x}]",
            "rules: [{name: b, when: x}, {name: a, when: x}]");

    assertThat(diff.changes()).isEmpty();
    assertThat(diff.reordered()).isTrue();
    assertThat(diff.isEmpty()).isFalse();
    assertThat(diff.summary()).isEqualTo("another order");
  }

  @Test
  void aTextThatEndsWithoutALineFeedIsWhole() {
    String text = "rules:\n  - name: a\n    why: |\n      last";

    assertThat(RulesDiff.of("", text).changes().getFirst().after())
        .hasValue("name: a\nwhy: |\n  last");
  }

  @Test
  void whatIsNoRulesFileHasNoRules() {
    String now = "rules: [{name: a, when: x}]";
    for (String broken : new String[] {"rules: [", "rules: [{when: x}, 7]", "a text", "rules: 1"}) {
      assertThat(RulesDiff.of(broken, now).summary()).as(broken).isEqualTo("1 added");
    }
  }
}
