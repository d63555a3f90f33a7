package io.bianque.tests.e2e;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;

/**
 * Steady drops, each with a number of its own: UDP datagrams from west to east, to closed ports
 * that count up from {@link #FIRST_PORT}. Begins when made, ends when closed.
 */
final class NumberedDrops implements AutoCloseable {
  static final int FIRST_PORT = 2000;
  private static final int LAST_PORT = 65535;

  private final FutureTask<Integer> sender;
  private volatile boolean done;
  private volatile int sent;

  NumberedDrops(VethPair network, int perSecond) {
    long interval = 1_000_000_000L / perSecond;
    sender =
        new FutureTask<>(() ->
            network.inWest(() -> {
              send(interval);
              return sent;
            }));
    Thread.ofPlatform().name("numbered drops").daemon().start(sender);
  }

  /** Numbers used so far: FIRST_PORT to FIRST_PORT + sent - 1. */
  int sent() {
    return sent;
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
      for (int port = FIRST_PORT; port <= LAST_PORT && !done; port++) {
        // Not connected: the peer's ICMP answers must not become errors of the next datagram.
        channel.send(
            payload.clear().putInt(port).flip(), new InetSocketAddress(VethPair.EAST, port));
        sent = port - FIRST_PORT + 1;
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
