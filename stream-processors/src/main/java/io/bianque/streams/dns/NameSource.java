package io.bianque.streams.dns;

import io.bianque.streams.names.IpAddress;
import java.util.function.Function;

/** Where names come from. */
public sealed interface NameSource {
  /**
   * From DNS; what events are given is recorded.
   *
   * @param lookup must not wait
   */
  record Dns(Function<IpAddress, ReverseNames.Found> lookup) implements NameSource {}

  /** From that record alone. */
  record Recorded() implements NameSource {}

  /** No address gets a name. */
  record None() implements NameSource {}
}
