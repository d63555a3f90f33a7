package io.bianque.streams.ruleset;

import io.bianque.facts.RuleSet;
import io.bianque.schemas.wire.UnreadableRecord;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/** The topic of rule sets, as a test writes it: a value is the set's text. */
final class Log {
  private static final String UNREADABLE = "\0";

  final RuleSets sets = new RuleSets();

  Log applied(int version, String text) {
    return record(RuleSets.key(version, Integer.toString(version)), text);
  }

  Log record(String key, String text) {
    sets.add(bytes(key), bytes(text), Log::read);
    return this;
  }

  Log unreadable(String key) {
    return record(key, UNREADABLE);
  }

  void tombstone(String key) {
    sets.add(bytes(key), null, Log::read);
  }

  static RuleSet read(byte[] value) {
    String text = new String(value, StandardCharsets.UTF_8);
    if (text.equals(UNREADABLE)) {
      throw new UnreadableRecord(UnreadableRecord.Reason.TRUNCATED, "half of it");
    }
    return new RuleSet(0, text, "v", "rules.yaml", Instant.EPOCH, "somebody", null, null);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
