package io.bianque.streams.ruleset;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.streams.ruleset.RuleSets.Version;
import org.junit.jupiter.api.Test;

class RuleSetsTest {
  private final Log log = new Log();

  @Test
  void nothingIsActiveBeforeSomethingWasApplied() {
    assertThat(log.sets.active()).isEmpty();
    assertThat(log.sets.newest()).isZero();
  }

  @Test
  void theNewestVersionIsActiveAndAllStay() {
    log.applied(1, "a").applied(2, "b").applied(3, "c");

    assertThat(text(log.sets.active().orElseThrow())).isEqualTo("c");
    assertThat(log.sets.newestFirst())
        .extracting(RuleSetsTest::text)
        .containsExactly("c", "b", "a");
    assertThat(log.sets.version(2)).map(RuleSetsTest::text).hasValue("b");
    assertThat(log.sets.before(3)).map(Version::number).hasValue(2);
    assertThat(log.sets.before(1)).isEmpty();
  }

  @Test
  void ofTwoWhoTookOneNumberTheFirstInTheLogIsIt() {
    log.applied(1, "a").record("2/first", "mine").record("2/second", "theirs");

    assertThat(text(log.sets.active().orElseThrow())).isEqualTo("mine");
    assertThat(log.sets.isOf(2, "2/first")).isTrue();
    assertThat(log.sets.isOf(2, "2/second")).isFalse();
    assertThat(log.sets.newestFirst()).hasSize(2);
  }

  @Test
  void aNumberThatIsBelowTheNewestCountsForNothing() {
    log.applied(5, "e").applied(4, "late");

    assertThat(log.sets.newestFirst()).extracting(RuleSetsTest::text).containsExactly("e");
  }

  @Test
  void aVersionThatCannotBeReadHasItsNumberAllTheSame() {
    log.applied(1, "a").unreadable("2/x");

    assertThat(log.sets.active().orElseThrow())
        .isEqualTo(new Version.Unreadable(2, "truncated: half of it"));

    log.record("2/y", "too late").applied(3, "c");
    assertThat(text(log.sets.active().orElseThrow())).isEqualTo("c");
    assertThat(log.sets.version(2)).containsInstanceOf(Version.Unreadable.class);
  }

  @Test
  void whatIsNoVersionIsPassedOver() {
    log.applied(1, "a").record("2", "no id").record("two/x", "no number").record("", "no key");
    log.sets.add(null, new byte[0], Log::read);
    log.tombstone("1/1");

    assertThat(log.sets.newestFirst()).extracting(RuleSetsTest::text).containsExactly("a");
  }

  private static String text(Version version) {
    return ((Version.Known) version).set().getText();
  }
}
