package io.bianque.streams.ruleset;

import io.bianque.streams.rule.InvalidRules;
import io.bianque.streams.rule.Rules;
import io.bianque.streams.ruleset.RuleSets.Version;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rules that decide now: those of the newest rule set that this process can take, and while
 * there is none those of its configuration. Thread-safe; who has to decide several things of one
 * event alike asks once.
 */
public final class LiveRules implements Supplier<Rules> {
  private static final Logger LOG = LoggerFactory.getLogger(LiveRules.class);

  /**
   * What decides.
   *
   * @param version of the rule set; 0 for the configuration's
   * @param newest version that was applied, whether it can be taken or not
   * @param refused why the newest cannot be taken; empty when it decides
   */
  public record State(int version, Rules rules, int newest, Optional<String> refused) {}

  private final RuleCompiler compiler;
  private final Rules configured;
  private volatile State state;

  public LiveRules(RuleCompiler compiler, Rules configured) {
    this.compiler = compiler;
    this.configured = configured;
    this.state = new State(0, configured, 0, Optional.empty());
  }

  @Override
  public Rules get() {
    return state.rules();
  }

  public State state() {
    return state;
  }

  /**
   * Takes the newest set that can be taken. It depends on the topics alone and not on what decided
   * before, so a process that was just started decides as one that has run for long.
   *
   * @param topics names of those that are there, for rules that route
   */
  synchronized void update(RuleSets sets, Supplier<Set<String>> topics) {
    State before = state;
    Optional<String> refused = Optional.empty();
    for (Version version : sets.newestFirst()) {
      if (version.number() == before.version()) {
        enter(before, new State(before.version(), before.rules(), sets.newest(), refused));
        return;
      }
      try {
        enter(before, new State(version.number(), rules(version, topics), sets.newest(), refused));
        return;
      } catch (Refused e) {
        refused = refused.or(() -> Optional.of(e.getMessage()));
      }
    }
    enter(before, new State(0, configured, sets.newest(), refused));
  }

  private void enter(State before, State now) {
    state = now;
    if (now.version() != before.version()) {
      LOG.info(
          "{} decides now, rules version {}; before it {}",
          name(now.version()),
          now.rules().version(),
          name(before.version()));
    }
    now.refused()
        .filter(why -> !before.refused().equals(now.refused()))
        .ifPresent(why -> LOG.error("{}", refusal(now, why)));
  }

  /** Why the newest rule set does not decide; empty when it does. */
  public Optional<String> refusal() {
    State now = state;
    return now.refused().map(why -> refusal(now, why));
  }

  private static String refusal(State now, String why) {
    return "rule set %d is refused here, %s: %s"
        .formatted(
            now.newest(), name(now.version()) + (now.version() == 0 ? " stay" : " stays"), why);
  }

  private static String name(int version) {
    return version == 0 ? "the configuration's rules" : "rule set " + version;
  }

  private static final class Refused extends Exception {
    private static final long serialVersionUID = 1;

    Refused(String message, Throwable cause) {
      super(message, cause);
    }
  }

  private Rules rules(Version version, Supplier<Set<String>> topics) throws Refused {
    return switch (version) {
      case Version.Unreadable(int number, String why) ->
          throw new Refused("version " + number + " cannot be read: " + why, null);
      case Version.Known(int number, var set) -> {
        try {
          Rules rules = compiler.compile(set.getFile(), set.getText());
          rules.requireRoutes(topics);
          yield rules;
        } catch (KafkaException e) {
          // Not the set's fault: all is read again.
          throw e;
        } catch (InvalidRules e) {
          throw new Refused(e.getMessage(), e);
        } catch (RuntimeException e) {
          // Whatever a set that passed elsewhere does to this version's compiler, events go on.
          LOG.error("Rule set {} cannot be compiled", number, e);
          throw new Refused("it cannot be compiled: " + e, e);
        }
      }
    };
  }
}
