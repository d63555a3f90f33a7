package io.bianque.streams.ruleset;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.streams.rule.Rules;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class LiveRulesTest {
  private static final RuleCompiler COMPILER = new RuleCompiler();
  private static final String WRONG =
      "rules:\n  - {name: wrong, probe: dropwatch, when: event.sk_stat == null}\n";

  private final Rules configured = COMPILER.compile("configured.yaml", rule("configured"));
  private final LiveRules rules = new LiveRules(COMPILER, configured);
  private final Log log = new Log();
  private final AtomicReference<Set<String>> topics = new AtomicReference<>(Set.of());

  private static String rule(String name) {
    return "rules:\n  - {name: %s, probe: dropwatch, when: event.sport == 9}\n".formatted(name);
  }

  @Test
  void theConfigurationDecidesWhileNothingWasApplied() {
    rules.update(log.sets, topics::get);

    assertThat(rules.get()).isSameAs(configured);
    assertThat(rules.state().version()).isZero();
    assertThat(rules.refusal()).isEmpty();
  }

  @Test
  void theNewestSetDecides() {
    rules.update(log.applied(1, rule("first")).applied(2, rule("second")).sets, topics::get);
    assertThat(rules.get().names()).containsExactly("second");
    assertThat(rules.state().version()).isEqualTo(2);

    Rules before = rules.get();
    rules.update(log.sets, topics::get);
    assertThat(rules.get()).as("its counts go on").isSameAs(before);
  }

  @Test
  void aSetThatIsWrongHereIsRefusedAndTheOldOneStays() {
    rules.update(log.applied(1, rule("first")).sets, topics::get);
    Rules before = rules.get();
    rules.update(log.applied(2, WRONG).sets, topics::get);

    assertThat(rules.get()).isSameAs(before);
    assertThat(rules.state().version()).isEqualTo(1);
    assertThat(rules.state().newest()).isEqualTo(2);
    assertThat(rules.refusal())
        .hasValueSatisfying(why ->
            assertThat(why)
                .contains("rule set 2 is refused here, rule set 1 stays")
                .contains("rules.yaml:2:")
                .contains("did you mean 'sk_state'?"));

    rules.update(log.applied(3, rule("third")).sets, topics::get);
    assertThat(rules.get().names()).containsExactly("third");
    assertThat(rules.refusal()).isEmpty();
  }

  @Test
  void aProcessThatWasJustStartedDecidesAsOneThatHasRunForLong() {
    rules.update(log.applied(1, rule("first")).sets, topics::get);
    rules.update(log.applied(2, WRONG).unreadable("3/x").sets, topics::get);
    LiveRules started = new LiveRules(COMPILER, configured);
    started.update(log.sets, topics::get);

    assertThat(started.get().names()).isEqualTo(rules.get().names()).containsExactly("first");
    assertThat(started.refusal())
        .isEqualTo(rules.refusal())
        .hasValueSatisfying(
            why -> assertThat(why).contains("rule set 3").contains("truncated: half of it"));
  }

  @Test
  void aSetThatRoutesToATopicThatIsNotThereIsRefusedUntilItIs() {
    rules.update(log.applied(1, rule("first")).sets, topics::get);
    rules.update(
        log.applied(
                2,
                "rules:\n  - {name: to, probe: dropwatch, when: event.sport == 9, action: {route: net}}\n")
            .sets,
        topics::get);
    assertThat(rules.get().names()).containsExactly("first");
    assertThat(rules.refusal())
        .hasValueSatisfying(why ->
            assertThat(why).contains("rule set 1 stays").contains("bianque topics route net"));

    topics.set(Set.of("bianque.routed.net"));
    rules.update(log.sets, topics::get);
    assertThat(rules.get().names()).containsExactly("to");
    assertThat(rules.refusal()).isEmpty();
  }

  @Test
  void whereNoSetCanBeTakenTheConfigurationDecides() {
    rules.update(log.applied(1, WRONG).applied(2, "rules: [").sets, topics::get);

    assertThat(rules.get()).isSameAs(configured);
    assertThat(rules.refusal())
        .hasValueSatisfying(why ->
            assertThat(why).contains("rule set 2 is refused here, the configuration's rules stay"));
  }
}
