package io.bianque.streams.enrich;

import io.bianque.facts.Container;
import io.bianque.schemas.raw.CgroupId;
import io.bianque.streams.container.ContainerStore.Answer;
import io.bianque.streams.dns.Names;
import io.bianque.streams.dns.ReverseNames;
import io.bianque.streams.enrich.Gaps.Kind;
import io.bianque.streams.facts.Host;
import io.bianque.streams.names.IpAddress;
import io.bianque.streams.network.Networks;
import io.bianque.streams.symbol.Stack;
import io.bianque.streams.symbol.Symbolizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is known around one event, and what is not.
 *
 * @param host at the event's own time and boot; empty when it has not told
 * @param cgroups what a cgroup of that host and boot was at that time
 * @param names what the event's addresses are called
 * @param networks where they are
 */
record Surroundings(
    Optional<Host> host,
    Symbolizer symbolizer,
    Cgroups cgroups,
    Names.OfEvent names,
    Networks networks,
    Gaps gaps) {

  private static final String UNANSWERED = "DNS has not answered in time";

  interface Cgroups {
    Answer find(CgroupId meaning, long id);

    /**
     * That asks these once for each cgroup of an event, which is looked up before it is admitted,
     * too.
     */
    static Cgroups once(Cgroups known) {
      List<Asked> before = new ArrayList<>(2);
      return (meaning, id) -> {
        for (Asked asked : before) {
          if (asked.id() == id && asked.meaning().equals(meaning)) {
            return asked.answer();
          }
        }
        Answer answer = known.find(meaning, id);
        before.add(new Asked(meaning, id, answer));
        return answer;
      };
    }
  }

  private record Asked(CgroupId meaning, long id, Answer answer) {}

  String frame(long address, boolean returnAddress) {
    // Without the host's facts an address is a number; that they are missing is said once, for the
    // whole event.
    return host.map(known -> symbolizer.frame(known, address, returnAddress, new ToGaps()))
        .orElseGet(() -> Symbolizer.hex(address));
  }

  Stack stack(List<?> addresses) {
    return host.map(known -> symbolizer.stack(known, addresses, new ToGaps()))
        .orElseGet(() -> Stack.unresolved(Symbolizer.hex(addresses)));
  }

  /** Needs no facts of the host: a build id is the same everywhere. */
  List<String> userStack(List<?> frames) {
    return symbolizer.userStack(frames, new ToGaps());
  }

  private final class ToGaps implements Symbolizer.Unresolved {
    @Override
    public void noTable(String object, String buildId, String reason) {
      gaps.awaitsTable(new Gaps.Table(buildId, object), reason);
    }

    @Override
    public void never(String reason) {
      gaps.lacks("symbols: " + reason);
    }
  }

  /** What the cgroup is, or null. */
  Container cgroup(String field, CgroupId meaning, long id) {
    return switch (cgroups.find(meaning, id)) {
      case Answer.Known(Container container) -> container;
      case Answer.Nothing() -> null;
      case Answer.Never() -> {
        gaps.lacks(field + ": cgroup " + Long.toUnsignedString(id) + " came and went unseen");
        yield null;
      }
      case Answer.NotYet(String cgroup) -> {
        gaps.awaits(
            Kind.CGROUP,
            cgroup,
            field + ": the host has not told of cgroup " + Long.toUnsignedString(id));
        yield null;
      }
      case Answer.HostIsSilent(String boot) -> {
        // Of a host that has told of nothing at all that is said, and waited for, once.
        if (host.isPresent()) {
          gaps.awaits(Kind.CONTAINERS, boot, "containers: the host has told of none in this boot");
        }
        yield null;
      }
    };
  }

  /** The address's name, or null. */
  String name(IpAddress address, NameGap otherwise) {
    return switch (names.name(address)) {
      case ReverseNames.Answer.Known(String name) -> name;
      case ReverseNames.Answer.Nameless() -> null;
      case ReverseNames.Answer.Pending() -> {
        gaps.awaitsName(address.toString(), names.askedSince(address), otherwise.text(UNANSWERED));
        yield null;
      }
      case ReverseNames.Answer.Unanswered() -> {
        gaps.lacks(otherwise.text(UNANSWERED));
        yield null;
      }
      case ReverseNames.Answer.Unavailable(String reason) -> {
        gaps.lacks(otherwise.text(reason));
        yield null;
      }
    };
  }
}
