package io.bianque.streams.ruleset;

import io.bianque.facts.RuleSet;
import io.bianque.schemas.wire.UnreadableRecord;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Every rule set that was applied, made by reading the topic from its beginning: the first record
 * with a number above all before it is that version. Whoever applies takes the number after the
 * newest that he has seen, so of two at once the first in the log wins, and the other's record
 * counts for nothing. For one thread.
 */
public final class RuleSets {
  private static final Pattern KEY = Pattern.compile("(\\d{1,9})/.+");

  /** A version, as far as it can be read here. */
  public sealed interface Version {
    int number();

    record Known(int number, RuleSet set) implements Version {}

    record Unreadable(int number, String why) implements Version {}
  }

  private record Kept(String key, Version version) {}

  private final TreeMap<Integer, Kept> versions = new TreeMap<>();

  /** The key of a version that somebody applies; each has its own, so that compaction keeps all. */
  static String key(int number, String id) {
    return number + "/" + id;
  }

  /**
   * Takes the next record. History is for ever: a tombstone takes nothing out of it.
   *
   * @param read reads a value; throws {@link UnreadableRecord}
   */
  void add(byte[] key, byte[] value, Function<byte[], RuleSet> read) {
    String name = key == null ? "" : new String(key, StandardCharsets.UTF_8);
    Matcher parts = KEY.matcher(name);
    if (!parts.matches() || value == null) {
      return; // by somebody who has no business here
    }
    int number = Integer.parseInt(parts.group(1));
    if (number > newest()) {
      versions.put(number, new Kept(name, version(number, value, read)));
    }
  }

  private static Version version(int number, byte[] value, Function<byte[], RuleSet> read) {
    try {
      return new Version.Known(number, read.apply(value));
    } catch (UnreadableRecord e) {
      return new Version.Unreadable(number, e.getMessage());
    }
  }

  /** Whether the record with that key is that version. */
  boolean isOf(int number, String key) {
    Kept kept = versions.get(number);
    return kept != null && kept.key().equals(key);
  }

  /** The version that decides; empty while nothing has been applied. */
  public Optional<Version> active() {
    return Optional.ofNullable(versions.lastEntry()).map(newest -> newest.getValue().version());
  }

  /** The number of the active version; 0 while nothing has been applied. */
  public int newest() {
    return versions.isEmpty() ? 0 : versions.lastKey();
  }

  public Optional<Version> version(int number) {
    return Optional.ofNullable(versions.get(number)).map(Kept::version);
  }

  /** All of them, the newest first. */
  public List<Version> newestFirst() {
    return versions.descendingMap().values().stream().map(Kept::version).toList();
  }

  /** The version before that one; empty when it is the first. */
  public Optional<Version> before(int number) {
    return Optional.ofNullable(versions.lowerEntry(number)).map(each -> each.getValue().version());
  }
}
