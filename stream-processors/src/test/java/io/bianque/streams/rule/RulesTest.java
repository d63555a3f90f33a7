package io.bianque.streams.rule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.bianque.schemas.catalogue.Catalogue;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.derive.EnrichedSchema;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RulesTest {
  private static final Schema DROPWATCH = enriched("dropwatch");
  private static final Map<String, Schema> SCHEMAS = Map.of("dropwatch", DROPWATCH);

  /** As agents write it that are older than rules that say something. */
  private static final Schema UNTAGGED = untagged();

  private static Schema untagged() {
    Catalogue catalogue = Catalogue.load();
    Schema earlier =
        catalogue.earlierSchemas(catalogue.topic(Topics.enriched("dropwatch"))).getLast();
    assertThat(earlier.getField("tags")).isNull();
    return earlier;
  }

  private static Schema enriched(String probe) {
    Catalogue catalogue = Catalogue.load();
    return EnrichedSchema.of(catalogue.schema(catalogue.topic(Topics.raw(probe))));
  }

  private static GenericRecord event(Map<String, Object> fields) {
    GenericRecord event = new GenericData.Record(DROPWATCH);
    event.put("kernel_stack", List.of());
    fields.forEach(event::put);
    return event;
  }

  private static Rules rule(String when) {
    return Rules.of(
        "test.yaml",
        "rules:\n  - name: r\n    probe: dropwatch\n    when: '" + when.replace("'", "''") + "'\n",
        SCHEMAS,
        Set.of(),
        Set.of());
  }

  private static Optional<String> ignoredBy(Rules rules, GenericRecord event) {
    return rules.decide("dropwatch", "id", event) instanceof Outcome.Ignored(String rule)
        ? Optional.of(rule)
        : Optional.empty();
  }

  private static boolean holds(String when, Map<String, Object> fields) {
    return ignoredBy(rule(when), event(fields)).isPresent();
  }

  private static Rules shipped(Set<String> enable) throws Exception {
    return Rules.of(
        "rules.yaml",
        Files.readString(Path.of("src/main/dist/rules.yaml")),
        SCHEMAS,
        enable,
        Set.of());
  }

  @Test
  void theShippedRulesTakeOutPurgedQueuesOfSocketsInCloseWait() throws Exception {
    Rules rules = shipped(Set.of());
    List<String> stack =
        List.of(
            "sk_skb_reason_drop+0x2c",
            "tcp_data_queue+0x1",
            "skb_rbtree_purge+0x40",
            "tcp_fin+0x8");
    assertThat(ignoredBy(rules, event(Map.of("sk_state", "CLOSE_WAIT", "kernel_stack", stack))))
        .hasValue("close-wait-rbtree-purge");
    assertThat(ignoredBy(rules, event(Map.of("sk_state", "ESTABLISHED", "kernel_stack", stack))))
        .isEmpty();
    assertThat(ignoredBy(rules, event(Map.of("kernel_stack", stack)))).isEmpty();
    assertThat(
            ignoredBy(
                rules,
                event(Map.of("sk_state", "CLOSE_WAIT", "kernel_stack", stack.subList(0, 2)))))
        .isEmpty();
    assertThat(rules.held()).containsEntry(List.of("close-wait-rbtree-purge", "ignore"), 1L);
  }

  @Test
  void theShippedRulesTakeOutSentPacketsOfTheBnxtDriver() throws Exception {
    Rules rules = shipped(Set.of());
    for (String function : List.of("bnxt_tx_int", "__bnxt_tx_int")) {
      assertThat(
              ignoredBy(
                  rules,
                  event(
                      Map.of(
                          "kernel_stack", List.of("kfree_skb+0x1", function + "+0x5 [bnxt_en]")))))
          .hasValue("bnxt-tx-completion");
    }
    assertThat(ignoredBy(rules, event(Map.of("kernel_stack", List.of("my_bnxt_tx_int+0x5")))))
        .isEmpty();
  }

  @Test
  void neighInvalidateIsTakenOutWhereTheConfigurationSaysSo() throws Exception {
    GenericRecord event =
        event(Map.of("kernel_stack", List.of("kfree_skb+0x1", "neigh_invalidate+0x5")));
    assertThat(ignoredBy(shipped(Set.of()), event)).isEmpty();
    assertThat(ignoredBy(shipped(Set.of("neigh-invalidate")), event)).hasValue("neigh-invalidate");
  }

  @Test
  void whatAppliesIsPartOfTheVersion() throws Exception {
    String version = shipped(Set.of()).version();
    assertThat(version).matches("[0-9a-f]{12}");
    assertThat(shipped(Set.of("neigh-invalidate")).version())
        .isEqualTo(version + "+neigh-invalidate");
  }

  @Test
  void eventsOfOtherProbesAreNotLookedAt() {
    assertThat(rule("true").decide("other", "id", event(Map.of()))).isEqualTo(Outcome.UNTOUCHED);
  }

  @Test
  void theFirstRuleThatHoldsIsTheOne() {
    Rules rules =
        Rules.of(
            "test.yaml",
            """
            rules:
              - {name: a, probe: dropwatch, when: event.pid == 2}
              - {name: b, probe: dropwatch, when: event.pid > 0}
              - {name: c, probe: dropwatch, when: event.pid > 0}
            """,
            SCHEMAS,
            Set.of(),
            Set.of());
    assertThat(ignoredBy(rules, event(Map.of("pid", 1)))).hasValue("b");
  }

  // --- what rules do besides

  private static Rules rules(String... rules) {
    StringBuilder text = new StringBuilder("rules:\n");
    for (int i = 0; i < rules.length; i++) {
      text.append("  - {name: r").append(i).append(", probe: dropwatch, ");
      text.append(rules[i]).append("}\n");
    }
    return Rules.of("test.yaml", text.toString(), SCHEMAS, Set.of(), Set.of());
  }

  private static Outcome outcome(Rules rules, int pid) {
    return rules.decide("dropwatch", "bianque.raw.dropwatch-0-1", event(Map.of("pid", pid)));
  }

  @Test
  void allRulesThatHoldSaySomethingOfTheEvent() {
    Rules rules =
        rules(
            "when: event.pid > 0, action: {tag: b}",
            "when: event.pid > 0, action: {severity: warning}",
            "when: event.pid > 1, action: {severity: critical}",
            "when: event.pid > 0, action: {severity: notice}",
            "when: event.pid > 0, action: {route: network-team}",
            "when: event.pid > 1, action: {tag: a}",
            "when: event.pid > 0, action: {tag: b}",
            "when: event.pid > 0, action: {route: network-team}");
    assertThat(outcome(rules, 0)).isSameAs(Outcome.UNTOUCHED);
    assertThat(outcome(rules, 1))
        .isEqualTo(
            new Outcome.Passes(
                List.of("b"),
                Optional.of(Severity.WARNING),
                OptionalLong.empty(),
                List.of("network-team")));
    assertThat(outcome(rules, 2))
        .isEqualTo(
            new Outcome.Passes(
                List.of("b", "a"),
                Optional.of(Severity.CRITICAL),
                OptionalLong.empty(),
                List.of("network-team")));
    assertThat(rules.held())
        .containsEntry(List.of("r0", "tag"), 2L)
        .containsEntry(List.of("r2", "severity"), 1L)
        .containsEntry(List.of("r7", "route"), 2L);
  }

  @Test
  void whatIsTakenOutIsNothingElseAndRulesBehindAreNotAsked() {
    Rules rules =
        rules(
            "when: event.pid == 1, action: {tag: a}",
            "when: event.pid == 1",
            "when: event.pid == 1, action: {tag: c}");
    assertThat(outcome(rules, 1)).isEqualTo(new Outcome.Ignored("r1"));
    assertThat(rules.held())
        .containsEntry(List.of("r0", "tag"), 1L)
        .containsEntry(List.of("r2", "tag"), 0L);
  }

  @Test
  void aSampleKeepsOneInSoManyWhoeverAsks() {
    String rule = "when: event.pid == 1, action: {sample: %d}";
    for (int rate : new int[] {2, 3, 10, 16, 100}) {
      Rules here = rules(rule.formatted(rate));
      Rules there = rules("when: event.pid == 2", rule.formatted(rate));
      GenericRecord event = event(Map.of("pid", 1));
      int kept = 0;
      int events = 50_000;
      for (int offset = 0; offset < events; offset++) {
        String id = "bianque.raw.dropwatch-" + offset % 4 + "-" + offset;
        boolean passes = here.decide("dropwatch", id, event) instanceof Outcome.Passes;
        assertThat(there.decide("dropwatch", id, event) instanceof Outcome.Passes)
            .isEqualTo(passes);
        kept += passes ? 1 : 0;
      }
      // Five standard deviations of as many throws of a die.
      double spread = 5 * Math.sqrt(events * (1.0 / rate) * (1 - 1.0 / rate));
      assertThat((double) kept)
          .as("1 in %d", rate)
          .isCloseTo((double) events / rate, within(spread));
      assertThat(here.held()).containsEntry(List.of("r0", "sample"), (long) events);
    }
  }

  /** By the function in docs/rules.md, in Python. */
  @Test
  void whichEventsASampleKeepsIsWrittenDown() {
    assertThat(Sampling.hash("bianque.raw.dropwatch-2-1179")).isEqualTo(0xc88118a714d7cedfL);
  }

  @Test
  void theFirstSampleRuleThatHoldsDecides() {
    Rules rules =
        rules(
            "when: event.pid == 2, action: {sample: 5}",
            "when: event.pid == 1, action: {sample: 2}",
            "when: event.pid == 1, action: {sample: 1000}");
    int kept = 0;
    for (int offset = 0; offset < 100; offset++) {
      switch (rules.decide("dropwatch", "id-" + offset, event(Map.of("pid", 1)))) {
        case Outcome.Ignored(String rule) -> assertThat(rule).isEqualTo("r1");
        case Outcome.Passes passes -> {
          assertThat(passes.sampleRate()).hasValue(2);
          kept++;
        }
      }
    }
    assertThat(kept).isBetween(25, 75);
  }

  @Test
  void eventsWithoutRoomForItAreIgnoredAndRoutedAndNothingElse() {
    Rules rules =
        rules(
            "when: event.pid > 0, action: {tag: a}",
            "when: event.pid > 0, action: {severity: info}",
            "when: event.pid > 0, action: {sample: 999999999}",
            "when: event.pid > 0, action: {route: x}",
            "when: event.pid > 1");
    GenericRecord old = new GenericData.Record(UNTAGGED);
    old.put("kernel_stack", List.of());
    old.put("pid", 1);
    assertThat(rules.decide("dropwatch", "id", old))
        .isEqualTo(
            new Outcome.Passes(List.of(), Optional.empty(), OptionalLong.empty(), List.of("x")));
    old.put("pid", 2);
    assertThat(rules.decide("dropwatch", "id", old)).isEqualTo(new Outcome.Ignored("r4"));
  }

  @Test
  void aRouteNeedsItsTopic() {
    Rules rules =
        rules(
            "when: event.pid == 1, action: {route: a}",
            "when: event.pid == 1, action: {route: b}",
            "when: event.pid == 1, enabled: false, action: {route: c}");
    assertThat(rules.missingRoutes(Set.of("bianque.routed.a")))
        .extracting(Object::toString)
        .containsExactly(
            "test.yaml:3:64: rule 'r1': topic bianque.routed.b is not there; make it: bianque topics route b");
    assertThat(rules.missingRoutes(Set.of("bianque.routed.a", "bianque.routed.b"))).isEmpty();
  }

  // --- what an absent field means

  @ParameterizedTest
  @ValueSource(
      strings = {
        "event.sk_state == \"CLOSE_WAIT\"",
        "event.sport == 80",
        "event.sport > 1024",
        "event.sport < 1024",
        "!(event.sport > 1024)",
        "event.device.startsWith(\"eth\")",
        "!event.device.startsWith(\"eth\")",
        "event.sport + 1 == 2",
        "event.kernel_stack[2].startsWith(\"tcp_\")",
        "event.sport in [80, 443]",
        "size(event.tcp_flags) > 0",
        "event.tcp_flags.exists(f, f == \"SYN\")",
        "event.sport != null",
        "event.sk_state == \"X\" || event.sport > 1024",
      })
  void anEventIsNotIgnoredBecauseOfWhatItLacks(String when) {
    assertThat(holds(when, Map.of())).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "event.sport == null",
        "event.sk_state != \"CLOSE_WAIT\"",
        "event.sport > 1024 || event.comm == \"curl\"",
        "size(event.tcp_flags) == 0",
        "event.sport == null || event.sport > 1024",
      })
  void whatCanBeSaidOfAnAbsentFieldIsSaid(String when) {
    assertThat(holds(when, Map.of("comm", "curl"))).isTrue();
  }

  @Test
  void evaluationsWithoutAnAnswerAreCounted() {
    Rules rules = rule("event.sport > 1024");
    assertThat(ignoredBy(rules, event(Map.of()))).isEmpty();
    assertThat(rules.unanswered()).containsEntry("r", 1L);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "event.sport > 1024 && event.sport < 50000",
        "event.packet_length == 60",
        "event.tcp_flags.exists(f, f == \"SYN\")",
        "event.tcp_flags.all(f, f in [\"SYN\", \"ACK\"])",
        "\"SYN\" in event.tcp_flags",
        "event.saddr.startsWith(\"10.\")",
        "event.comm.matches(\"^cu.l$\")",
        "event.cpu == 3",
        "event.drop_source == \"software\"",
        "event.missing.size() == 0"
      })
  void fieldsHaveTheTypesOfTheEnrichedSchema(String when) {
    Map<String, Object> fields = new HashMap<>();
    fields.put("sport", 2000);
    fields.put("packet_length", 60L);
    fields.put("tcp_flags", List.of("SYN", "ACK"));
    fields.put("saddr", "10.0.0.1");
    fields.put("comm", "curl");
    fields.put("cpu", 3);
    fields.put("drop_source", "software");
    fields.put("missing", List.of());
    assertThat(holds(when, fields)).isTrue();
  }

  // --- what is refused, and how it is said

  private static List<String> mistakes(String text) {
    try {
      var unexpected = Rules.of("rules.yaml", text, SCHEMAS, Set.of(), Set.of());
      throw new AssertionError("was accepted: " + unexpected.names());
    } catch (InvalidRules e) {
      return e.mistakes().stream().map(Object::toString).toList();
    }
  }

  @Test
  void aMisspeltFieldIsNamedWithItsPlaceAndTheOneThatWasMeant() {
    assertThat(
            mistakes(
                """
                rules:
                  - name: close-wait
                    probe: dropwatch
                    when: event.pid > 5 && event.sk_stat == "CLOSE_WAIT"
                """))
        .containsExactly(
            "rules.yaml:4:33: rule 'close-wait': no field 'sk_stat' in io.bianque.enriched.dropwatch (did you mean 'sk_state'?)");
  }

  @Test
  void thePlaceIsRightInFoldedAndLiteralText() {
    assertThat(
            mistakes(
                """
                rules:
                  - name: folded
                    probe: dropwatch
                    when: >-
                      event.pid > 5
                      && event.sk_stat == "CLOSE_WAIT"
                  - name: literal
                    probe: dropwatch
                    when: |
                      event.pid > 5
                      && event.sk_stat == "CLOSE_WAIT"
                  - name: quoted
                    probe: dropwatch
                    when: "event.sk_stat == 'X'"
                """))
        .satisfiesExactly(
            m -> assertThat(m).startsWith("rules.yaml:6:15: rule 'folded'"),
            m -> assertThat(m).startsWith("rules.yaml:11:15: rule 'literal'"),
            m -> assertThat(m).startsWith("rules.yaml:14:17: rule 'quoted'"));
  }

  @Test
  void aComparisonOfDifferentTypesIsRefused() {
    assertThat(mistakes("rules:\n  - {name: t, probe: dropwatch, when: event.sport == \"80\"}"))
        .singleElement()
        .asString()
        .startsWith("rules.yaml:2:")
        .contains("rule 't'", "found no matching overload for '_==_'");
  }

  @Test
  void aConditionThatIsNoneIsRefused() {
    assertThat(mistakes("rules:\n  - {name: t, probe: dropwatch, when: event.pid + 1}"))
        .singleElement()
        .asString()
        .contains("bool");
    assertThat(mistakes("rules:\n  - {name: t, probe: dropwatch, when: event.pid ==}"))
        .isNotEmpty();
  }

  @Test
  void hasIsRefusedWithWhatToWriteInstead() {
    assertThat(mistakes("rules:\n  - {name: t, probe: dropwatch, when: has(event.sport)}"))
        .anySatisfy(m -> assertThat(m).contains("write event.FIELD != null"));
  }

  @Test
  void everyMistakeIsSaidAtOnce() {
    assertThat(
            mistakes(
                """
                rules:
                  - name: a
                    prob: dropwatch
                    when: "true"
                  - name: b
                    probe: dropwatch
                    action: drop
                    when: "true"
                  - name: b
                    probe: dropwatch
                    enabled: maybe
                    when: "true"
                other: 1
                """))
        .containsExactly(
            "rules.yaml:3:5: rule 'a': unknown key 'prob' (did you mean 'probe'?); allowed: action, enabled, name, probe, tests, when, why",
            "rules.yaml:2:5: rule 'a': 'probe' must be there, as text",
            "rules.yaml:7:13: rule 'b': unknown action 'drop'; allowed: ignore, {tag: NAME}, {severity: info|notice|warning|critical}, {sample: N}, {route: NAME}",
            "rules.yaml:9:11: rule 'b': another rule has this name already",
            "rules.yaml:11:14: rule 'b': 'enabled' must be true or false",
            "rules.yaml:13:1: unknown key 'other': only 'rules' is allowed here");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          [ignore]                       | 55 | a rule has one action; allowed: ignore, {tag: NAME}
          {tag: a, route: b}             | 55 | a rule has one action; allowed: ignore, {tag: NAME}
          {tags: a}                      | 56 | unknown action 'tags' (did you mean 'tag'?); allowed: ignore
          {ignore: true}                 | 56 | unknown action 'ignore'; allowed: ignore
          {tag: [a]}                     | 61 | a tag must be 1 to 64 letters
          {tag: two words}               | 61 | a tag must be 1 to 64 letters
          {severity: warnin}             | 66 | unknown severity 'warnin' (did you mean 'warning'?); allowed: info, notice, warning, critical
          {sample: 1}                    | 64 | 'sample' must be a number from 2 to 999999999
          {sample: -5}                   | 64 | 'sample' must be a number from 2 to 999999999
          {sample: 1000000000}           | 64 | 'sample' must be a number from 2 to 999999999
          {sample: 1e3}                  | 64 | 'sample' must be a number from 2 to 999999999
          {sample: "10"}                 | 64 | 'sample' must be a number from 2 to 999999999
          {route: Network}               | 63 | a route must be 1 to 64 lower-case letters
          {route: a.b}                   | 63 | a route must be 1 to 64 lower-case letters
          """)
  void aBadActionIsRefusedWithItsPlaceAndWhatIsAllowed(String action, int column, String why) {
    assertThat(
            mistakes(
                "rules:\n  - {name: t, probe: dropwatch, when: 'true', action: %s}"
                    .formatted(action)))
        .singleElement()
        .asString()
        .startsWith("rules.yaml:2:" + column + ": rule 't': " + why);
  }

  @Test
  void aProbeWhoseEventsHaveNoRoomForItIsRefused() {
    Map<String, Schema> schemas = Map.of("dropwatch", UNTAGGED);
    String rule = "rules:\n  - {name: t, probe: dropwatch, when: 'true', action: %s}";
    assertThatExceptionOfType(InvalidRules.class)
        .isThrownBy(
            () -> Rules.of("rules.yaml", rule.formatted("{tag: a}"), schemas, Set.of(), Set.of()))
        .withMessage(
            "rules.yaml:2:55: rule 't': events of probe 'dropwatch' have no field for it: its schema does not say \"tagged\": true");
    assertThat(
            Rules.of("rules.yaml", rule.formatted("{route: a}"), schemas, Set.of(), Set.of())
                .names())
        .containsExactly("t");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"'x' in event.tags", "event.rule_severity == 'info'", "event.sample_rate == 1"})
  void whatRulesSayCannotBeAskedFor(String when) {
    assertThat(mistakes("rules:\n  - {name: t, probe: dropwatch, when: \"%s\"}".formatted(when)))
        .singleElement()
        .asString()
        .contains("' is what rules say of an event; it is not there yet when they are asked");
  }

  @Test
  void anUnknownProbeIsRefused() {
    assertThat(mistakes("rules:\n  - {name: t, probe: dropwach, when: 'true'}"))
        .containsExactly(
            "rules.yaml:2:22: rule 't': no probe 'dropwach' (did you mean 'dropwatch'?); known: dropwatch");
  }

  @Test
  void brokenYamlIsRefusedWithItsPlace() {
    assertThat(mistakes("rules:\n  - name: [\n"))
        .singleElement()
        .asString()
        .startsWith("rules.yaml:3:")
        .contains("no YAML");
  }

  @Test
  void aSwitchForARuleThatIsNotThereIsRefused() {
    assertThatExceptionOfType(InvalidRules.class)
        .isThrownBy(() -> shipped(Set.of("neigh-invalidat")))
        .withMessageContaining("'neigh-invalidat'")
        .withMessageContaining("did you mean 'neigh-invalidate'?");
  }

  @Test
  void aRuleThatDoesNotApplyIsCheckedAllTheSame() {
    assertThat(
            mistakes(
                "rules:\n  - {name: t, probe: dropwatch, when: event.nope == 1, enabled: false}"))
        .hasSize(1);
  }

  // --- a rule's own tests

  private static String tested(String tests) {
    return """
    rules:
      - name: t
        probe: dropwatch
        when: event.sk_state == "CLOSE_WAIT" && event.kernel_stack.exists(f, f.startsWith("x+"))
        tests:
    """
        + tests.indent(6);
  }

  @Test
  void aRuleWhoseTestsPassIsRight() {
    Rules rules =
        Rules.of(
            "rules.yaml",
            tested(
                """
                - {event: {sk_state: CLOSE_WAIT, kernel_stack: [x+0x1]}, outcome: ignored}
                - {event: {}, outcome: passes}
                """),
            SCHEMAS,
            Set.of(),
            Set.of());
    assertThat(rules.names()).containsExactly("t");
  }

  @Test
  void aTestThatFailsIsAMistakeAndSaysWhatEachPartWas() {
    assertThat(
            mistakes(
                tested(
                    """
                    - {event: {}, outcome: passes}
                    - {event: {sk_state: CLOSE_WAIT, kernel_stack: [y+0x1]}, outcome: ignored}
                    """)))
        .singleElement()
        .asString()
        .startsWith(
            "rules.yaml:7:9: rule 't': the test's outcome should be 'ignored', and it is 'passes': ")
        .contains(
            "event.sk_state == \"CLOSE_WAIT\" is true",
            "event.kernel_stack.exists(f, f.startsWith(\"x+\")) is false",
            "event.kernel_stack is [\"y+0x1\"]");
  }

  @Test
  void aTestSaysWhetherTheRuleHoldsWhateverItDoes() {
    String tested =
        tested(
            """
            - {event: {sk_state: CLOSE_WAIT, kernel_stack: [x+0x1]}, outcome: holds}
            - {event: {}, outcome: does not hold}
            """);
    for (String action : List.of("ignore", "{tag: a}", "{sample: 1000}", "{route: a}")) {
      String text = tested.replace("tests:", "action: " + action + "\n    tests:");
      assertThat(Rules.of("rules.yaml", text, SCHEMAS, Set.of(), Set.of()).names())
          .containsExactly("t");
    }
    assertThat(mistakes(tested.replace("{}, outcome: does not hold", "{}, outcome: holds")))
        .singleElement()
        .asString()
        .contains("the test's outcome should be 'holds', and it is 'does not hold': ");
    assertThat(
            mistakes(
                tested
                    .replace("tests:", "action: {tag: a}\n    tests:")
                    .replace("outcome: holds", "outcome: ignored")))
        .singleElement()
        .asString()
        .endsWith("unknown outcome 'ignored'; allowed: holds, does not hold");
  }

  @Test
  void aTestsEventHasTheFieldsAndTypesOfTheSchema() {
    assertThat(
            mistakes(
                tested(
                    """
                    - {event: {sk_stat: CLOSE_WAIT}, outcome: ignored}
                    - {event: {pid: "5"}, outcome: passes}
                    - {event: {pid: 5000000000}, outcome: passes}
                    - {event: {kernel_stack: x}, outcome: passes}
                    - {event: {comm: null}, outcome: passes}
                    """)))
        .containsExactly(
            "rules.yaml:6:18: rule 't': no field 'sk_stat' in io.bianque.enriched.dropwatch (did you mean 'sk_state'?)",
            "rules.yaml:7:23: rule 't': 'pid' must be a 32-bit number",
            "rules.yaml:8:23: rule 't': 'pid' must be a 32-bit number",
            "rules.yaml:9:32: rule 't': 'kernel_stack' must be a list",
            "rules.yaml:10:24: rule 't': 'comm' cannot be null");
  }

  @Test
  void aTestHasAnEventAndAnOutcomeAndNothingElse() {
    assertThat(
            mistakes(
                tested(
                    """
                    - {event: {}, outcome: dropped}
                    - {event: {}}
                    """)))
        .containsExactly(
            "rules.yaml:6:30: rule 't': unknown outcome 'dropped'; allowed: holds, does not hold, ignored, passes",
            "rules.yaml:7:9: rule 't': a test must be a mapping of event, with fields, and outcome");
  }

  // --- what the rules say of an event

  private static final String RECORD =
      """
      {"topic": "bianque.enriched.dropwatch", "offset": 7, "value": {"sk_state": "CLOSE_WAIT", "sport": null,
       "comm": "\\u6f22\\/", "time": "2026-11-28T10:00:00.000000001Z", "kernel_stack": ["x+0x1"]}}
      """;

  @Test
  void anEventIsReadAsTailPrintsIt() {
    WrittenEvent written = WrittenEvent.parse("-", RECORD, Optional.empty(), SCHEMAS);
    assertThat(written.probe()).isEqualTo("dropwatch");
    assertThat(written.event().get("comm")).isEqualTo("\u6f22/");
    assertThat(written.event().get("time")).isEqualTo(1_795_860_000_000_000_001L);
    assertThat(written.event().get("sport")).isNull();
  }

  @Test
  void eachRuleSaysWhetherItHoldsAndWhy() {
    Rules rules =
        Rules.of(
            "test.yaml",
            """
            rules:
              - {name: a, probe: dropwatch, when: event.sport > 5}
              - {name: b, probe: dropwatch, when: event.sk_state == "X" || event.pid == 1}
              - {name: c, probe: dropwatch, when: 'event.kernel_stack.exists(f, f == "x+0x1")'}
            """,
            SCHEMAS,
            Set.of(),
            Set.of());
    WrittenEvent written = WrittenEvent.parse("-", RECORD, Optional.empty(), SCHEMAS);
    Verdicts verdicts = rules.explain("dropwatch", written.event());
    assertThat(verdicts.text())
        .isEqualTo(
            """
            a has no answer
              event.sport > 5 has no answer
                event.sport is null
            b does not hold
              event.sk_state == "X" || event.pid == 1 is false
                event.sk_state == "X" is false
                  event.sk_state is "CLOSE_WAIT"
                event.pid == 1 is false
                  event.pid is 0
            c holds: ignore
              event.kernel_stack.exists(f, f == "x+0x1") is true
                event.kernel_stack is ["x+0x1"]
            ignored by c\
            """);
    assertThat(verdicts.json())
        .startsWith(
            "{\"ignored_by\":\"c\",\"rules\":[{\"rule\":\"a\",\"action\":\"ignore\",\"answer\":\"has no answer\"");
    assertThat(rules.held()).containsEntry(List.of("c", "ignore"), 0L);
  }

  @Test
  void whatBecomesOfTheEventIsSaid() {
    Rules rules =
        rules(
            "when: event.cpu == 0, action: {tag: a}",
            "when: event.cpu == 0, action: {severity: notice}",
            "when: event.cpu == 0, action: {sample: 2}",
            "when: event.cpu == 0, action: {route: network-team}",
            "when: event.cpu == 1, action: ignore");
    GenericRecord event = event(Map.of("cpu", 0, "event_id", keptBy(2)));
    Verdicts verdicts = rules.explain("dropwatch", event);
    assertThat(verdicts.text())
        .contains("r1 holds: severity notice\n")
        .endsWith(
            "\npasses, with tags a; rule_severity notice; sample_rate 2; a copy in bianque.routed.network-team");
    assertThat(verdicts.json())
        .startsWith(
            "{\"ignored_by\":null,\"tags\":[\"a\"],\"rule_severity\":\"notice\",\"sample_rate\":2,\"routes\":[\"network-team\"],\"rules\":[");
    assertThat(verdicts.outcome())
        .isEqualTo(rules.decide("dropwatch", (String) event.get("event_id"), event));
    assertThat(rules.explain("dropwatch", event(Map.of("cpu", 2))).text())
        .endsWith("\npasses as it is");
  }

  private static String keptBy(long rate) {
    return IntStream.range(0, 1000)
        .mapToObj(offset -> "bianque.raw.dropwatch-0-" + offset)
        .filter(id -> Sampling.keeps(id, rate))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void anEventThatIsNoneIsRefusedWithItsPlace() {
    assertThatExceptionOfType(InvalidRules.class)
        .isThrownBy(() ->
            WrittenEvent.parse("e.json", "{\"sk_stat\": 1}", Optional.of("dropwatch"), SCHEMAS))
        .withMessageStartingWith("e.json:1:2: no field 'sk_stat'");
    assertThatExceptionOfType(InvalidRules.class)
        .isThrownBy(() -> WrittenEvent.parse("e.json", "{}", Optional.empty(), SCHEMAS))
        .withMessageContaining("--probe");
  }
}
