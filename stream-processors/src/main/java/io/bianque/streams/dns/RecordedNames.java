package io.bianque.streams.dns;

import io.bianque.streams.dns.ReverseNames.Answer;
import java.util.Optional;

/** Names as the live tier gave them: from what it recorded, and from nothing else. */
public final class RecordedNames implements Names {
  private static final Answer NAMELESS = new Answer.Nameless();
  private static final Answer NOTHING =
      new Answer.Unavailable("no name of it is recorded for that time");

  private final NameHistory history;
  private final int partition;

  public RecordedNames(NameHistory history, int partition) {
    this.history = history;
    this.partition = partition;
  }

  @Override
  public OfEvent ofEvent(long timeNanos, long nowMs) {
    return address -> {
      if (!address.mayHaveName()) {
        return NAMELESS;
      }
      Optional<NameHistory.Entry> then = history.at(address, partition, timeNanos);
      return then.map(NameHistory.Entry::answer).orElse(NOTHING);
    };
  }
}
