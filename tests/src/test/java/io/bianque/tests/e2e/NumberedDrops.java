package io.bianque.tests.e2e;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Instant;
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
 * Steady drops, each with a number of its own: UDP datagrams from west to east, to closed ports
 * that count up. Begins when made, ends when closed. Any thread may ask.
 */
final class NumberedDrops implements AutoCloseable {
  /** Ports below are for other tests. */
  static final int FIRST_PORT = 5000;

  static final int MOST = 65536 - FIRST_PORT;

  private final FutureTask<Integer> sender;
  private final AtomicLongArray sentAt;
  private final int firstPort;
  private volatile boolean done;
  private volatile int sent;

  NumberedDrops(VethPair network, int perSecond) {
    this(network, perSecond, FIRST_PORT);
  }

  NumberedDrops(VethPair network, int perSecond, int firstPort) {
    this.firstPort = firstPort;
    this.sentAt = new AtomicLongArray(65536 - firstPort);
    long interval = 1_000_000_000L / perSecond;
    sender =
        new FutureTask<>(() ->
            network.inWest(() -> {
              send(interval);
              return sent;
            }));
    Thread.ofPlatform().name("numbered drops").daemon().start(sender);
  }

  /**
   * How many there were so far: their numbers are 0 to sent - 1. Throws when the sender has failed.
   */
  int sent() {
    if (sender.state() == Future.State.FAILED) {
      throw new IllegalStateException("the sender failed", sender.exceptionNow());
    }
    return sent;
  }

  /** The first port that no number has used. */
  int nextPort() {
    return firstPort + sent;
  }

  /** Wall time just before the number was sent, in ns since 1970. */
  long sentAtNanos(int number) {
    return sentAt.get(number);
  }

  /** Elasticsearch's query for the documents of these numbers. */
  String query(int from, int to) {
    return """
    {"bool": {"filter": [
      {"term": {"source.ip": "192.0.2.1"}}, {"term": {"destination.ip": "192.0.2.2"}}, {"term": {"network.transport": "udp"}},
      {"range": {"destination.port": {"gte": %d, "lt": %d}}}]}}
    """
        .formatted(firstPort + from, firstPort + to);
  }

  /** The numbers below {@code sent} whose port is not among those seen. */
  SortedSet<Integer> missing(Set<Integer> portsSeen, int sent) {
    return IntStream.range(0, sent)
        .filter(number -> !portsSeen.contains(firstPort + number))
        .boxed()
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** Stops, and returns how many there were. */
  int stop() throws InterruptedException, ExecutionException {
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
        channel.send(payload.clear(), new InetSocketAddress(VethPair.EAST, firstPort + number));
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
