package io.bianque.tests.drops;

import static io.bianque.agent.testing.NetnsPair.Side.LEFT;
import static io.bianque.agent.testing.NetnsPair.Side.RIGHT;

import io.bianque.agent.testing.NetnsPair;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Steady drops, each with a number of its own: UDP datagrams from left to right, to closed ports
 * that count up. Begins when made, ends when closed. Any thread may ask.
 */
public final class NumberedDrops implements AutoCloseable {
  /** Ports below are for other tests. */
  public static final int FIRST_PORT = 5000;

  public static final int MOST = 65536 - FIRST_PORT;

  private final FutureTask<Integer> sender;
  private final AtomicLongArray sentAt;
  private final int firstPort;

  /**
   * An agent sees all namespaces of the machine, those of another test run with the same addresses
   * too.
   */
  private final long namespace;

  private volatile boolean done;
  private volatile int sent;

  public NumberedDrops(NetnsPair network, int perSecond) {
    this(network, perSecond, FIRST_PORT);
  }

  public NumberedDrops(NetnsPair network, int perSecond, int firstPort) {
    this(network, perSecond, firstPort, 65536 - firstPort);
  }

  private NumberedDrops(NetnsPair network, int perSecond, int firstPort, int most) {
    this.firstPort = firstPort;
    this.namespace = network.inode(RIGHT);
    this.sentAt = new AtomicLongArray(most);
    long interval = 1_000_000_000L / perSecond;
    sender =
        new FutureTask<>(() ->
            network.in(
                LEFT,
                "numbered",
                () -> {
                  send(interval);
                  return sent;
                }));
    Thread.ofPlatform().name("numbered drops").daemon().start(sender);
  }

  /** Exactly so many; returns when all are sent. */
  public static NumberedDrops exactly(int count, NetnsPair network, int perSecond, int firstPort)
      throws InterruptedException, ExecutionException {
    NumberedDrops drops = new NumberedDrops(network, perSecond, firstPort, count);
    drops.sender.get();
    return drops;
  }

  /**
   * How many there were so far: their numbers are 0 to sent - 1. Throws when the sender has failed.
   */
  public int sent() {
    if (sender.state() == Future.State.FAILED) {
      throw new IllegalStateException("the sender failed", sender.exceptionNow());
    }
    return sent;
  }

  /** Inode of the namespace in which they are dropped, as events have it. */
  public long namespace() {
    return namespace;
  }

  /** The first port that no number has used. */
  public int nextPort() {
    return firstPort + sent;
  }

  /** Wall time just before the number was sent, in ns since 1970. */
  public long sentAtNanos(int number) {
    return sentAt.get(number);
  }

  /** The number whose datagram went to that port. */
  public int number(int port) {
    return port - firstPort;
  }

  /** Elasticsearch's query for the documents of these numbers. */
  public String query(int from, int to) {
    return """
    {"bool": {"filter": [
      {"term": {"source.ip": "%s"}}, {"term": {"destination.ip": "%s"}}, {"term": {"network.transport": "udp"}},
      {"term": {"bianque.dropwatch.netns": %d}},
      {"range": {"destination.port": {"gte": %d, "lt": %d}}}]}}
    """
        .formatted(LEFT.ipv4(), RIGHT.ipv4(), namespace, firstPort + from, firstPort + to);
  }

  /** The numbers below {@code sent} whose port is not among those seen. */
  public SortedSet<Integer> missing(Set<Integer> portsSeen, int sent) {
    return IntStream.range(0, sent)
        .filter(number -> !portsSeen.contains(firstPort + number))
        .boxed()
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /**
   * How many datagrams the receiving kernel had no socket for: its own count, which no probe is
   * behind.
   */
  public static long countedByKernel(NetnsPair network) throws Exception {
    List<String> udp =
        network
            .in(RIGHT, "count", () -> Files.readAllLines(Path.of("/proc/thread-self/net/snmp")))
            .stream()
            .filter(line -> line.startsWith("Udp:"))
            .toList();
    List<String> names = List.of(udp.get(0).split(" ", -1));
    return Long.parseLong(List.of(udp.get(1).split(" ", -1)).get(names.indexOf("NoPorts")));
  }

  /** Stops, and returns how many there were. */
  public int stop() throws InterruptedException, ExecutionException {
    done = true;
    return sender.get();
  }

  @Override
  public void close() {
    done = true;
  }

  private void send(long interval) throws IOException {
    try (DatagramChannel channel = DatagramChannel.open(StandardProtocolFamily.INET)) {
      ByteBuffer payload = ByteBuffer.allocate(4);
      long next = System.nanoTime();
      for (int number = 0; number < sentAt.length() && !done; number++) {
        Instant now = Instant.now();
        sentAt.set(number, now.getEpochSecond() * 1_000_000_000L + now.getNano());
        // Not connected: the peer's ICMP answers must not become errors of the next datagram.
        channel.send(payload.clear(), new InetSocketAddress(RIGHT.ipv4(), firstPort + number));
        sent = number + 1;
        next += interval;
        for (long left = next - System.nanoTime();
            left > 0 && !done;
            left = next - System.nanoTime()) {
          LockSupport.parkNanos(left);
        }
      }
    }
  }
}
