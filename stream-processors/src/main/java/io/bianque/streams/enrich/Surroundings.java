package io.bianque.streams.enrich;

import io.bianque.streams.dns.ReverseNames;
import io.bianque.streams.enrich.Gaps.Kind;
import io.bianque.streams.facts.Host;
import io.bianque.streams.names.IpAddress;
import io.bianque.streams.symbol.Symbolizer;
import java.util.Optional;
import java.util.function.Function;

/**
 * What is known around one event, and what is not.
 *
 * @param host during the event's own boot; empty when it has not told
 * @param names what DNS calls an address
 */
record Surroundings(
    Optional<Host> host,
    Symbolizer symbolizer,
    Function<IpAddress, ReverseNames.Answer> names,
    Gaps gaps) {

  String frame(long address, boolean returnAddress) {
    // Without the host's facts an address is a number; that they are missing is said once, for the
    // whole event.
    return host.map(known -> symbolizer.frame(known, address, returnAddress, new ToGaps()))
        .orElseGet(() -> Symbolizer.hex(address));
  }

  private final class ToGaps implements Symbolizer.Unresolved {
    @Override
    public void noTable(String object, String buildId, String reason) {
      gaps.awaits(
          Kind.SYMBOLS,
          buildId + "/" + object,
          "symbols: " + object + " " + buildId + ": " + reason);
    }

    @Override
    public void never(String reason) {
      gaps.lacks("symbols: " + reason);
    }
  }

  /** The address's name, or null. */
  String name(String field, IpAddress address) {
    return switch (names.apply(address)) {
      case ReverseNames.Answer.Known(String name) -> name;
      case ReverseNames.Answer.Nameless() -> null;
      case ReverseNames.Answer.Pending() -> {
        gaps.awaits(Kind.NAME, address.toString(), field + ": DNS has not answered in time");
        yield null;
      }
      case ReverseNames.Answer.Unavailable(String reason) -> {
        gaps.lacks(field + ": " + reason);
        yield null;
      }
    };
  }
}
