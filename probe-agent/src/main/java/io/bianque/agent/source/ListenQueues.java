package io.bianque.agent.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * Full queues of listening sockets, per network namespace. The kernel frees such a packet as a
 * consumed one, so that skb:kfree_skb does not show it; it counts it in /proc/net/netstat.
 */
final class ListenQueues implements Source {
  static final SourceKind KIND =
      new SourceKind(
          "tcp_listen",
          "/proc/<pid>/net/netstat",
          List.of(TcpListen.class),
          List.of(),
          _ -> new ListenQueues(Path.of("/proc")));

  /** In the order of {@link TcpListen}. */
  private static final List<String> COUNTERS =
      List.of("ListenOverflows", "ListenDrops", "TCPReqQFullDrop", "TCPReqQFullDoCookies");

  private static final String GROUP = "TcpExt:";

  /** Processes asked in one turn: some 3 ms. */
  private static final int PROCESSES_A_TURN = 512;

  private final Path proc;
  private final NetworkNamespaces namespaces;
  private final Totals<Long> totals = new Totals<>();

  private ListenQueues(Path proc) {
    this.proc = proc;
    this.namespaces = new NetworkNamespaces(proc);
    namespaces.begin();
    namespaces.look(Integer.MAX_VALUE);
    namespaces
        .known()
        .forEach((netns, pid) -> counters(netns, pid).ifPresent(now -> totals.begin(netns, now)));
  }

  @Override
  public boolean poll(Consumer<Record> out) {
    namespaces.begin();
    namespaces.look(PROCESSES_A_TURN);
    if (!namespaces.isComplete()) {
      return false;
    }
    Map<Long, Integer> known = namespaces.known();
    totals.retain(known.keySet());
    known.forEach((netns, pid) ->
        counters(netns, pid)
            .flatMap(now -> totals.add(netns, now, now.length))
            .ifPresent(total -> out.accept(record(netns, pid, total))));
    return true;
  }

  private TcpListen record(long netns, int pid, long[] total) {
    return new TcpListen(netns, pid, comm(pid), total[0], total[1], total[2], total[3]);
  }

  /** Empty when the process is not there any more, or in another namespace. */
  private Optional<long[]> counters(long netns, int pid) {
    try {
      long[] counters = counters(Files.readAllLines(proc.resolve(pid + "/net/netstat")));
      return namespaces.inode(pid).equals(OptionalLong.of(netns))
          ? Optional.of(counters)
          : Optional.empty();
    } catch (IOException ended) {
      return Optional.empty(); // The next look finds another one, if there is any.
    }
  }

  /** A line of names, and below it one of numbers. */
  private static long[] counters(List<String> lines) {
    for (int i = 0; i + 1 < lines.size(); i++) {
      if (lines.get(i).startsWith(GROUP)) {
        List<String> names = List.of(lines.get(i).split(" ", -1));
        List<String> numbers = List.of(lines.get(i + 1).split(" ", -1));
        return COUNTERS.stream()
            .mapToInt(names::indexOf)
            .mapToLong(at -> at < 0 ? 0 : Long.parseLong(numbers.get(at)))
            .toArray();
      }
    }
    return new long[COUNTERS.size()];
  }

  private String comm(int pid) {
    try {
      return Files.readString(proc.resolve(pid + "/comm")).strip();
    } catch (IOException ended) {
      return "";
    }
  }
}
