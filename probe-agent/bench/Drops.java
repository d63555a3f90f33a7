import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.locks.LockSupport;

/** Datagrams to a port of loopback that nobody listens on, at a rate a second: the kernel drops each with NO_SOCKET. */
final class Drops implements AutoCloseable {
  private static final int CLOSED_PORT = 9;

  /** The shortest sleep: at high rates to fall asleep for each datagram would cost more than to send it. */
  private static final long TURN_NANOS = 1_000_000;

  private final DatagramChannel channel = DatagramChannel.open();
  private final Thread thread = new Thread(this::send, "drops");
  private final int rate;
  private volatile boolean closed;

  Drops(int rate) throws IOException {
    this.rate = rate;
    thread.start();
  }

  private void send() {
    InetSocketAddress target = new InetSocketAddress("127.0.0.1", CLOSED_PORT);
    ByteBuffer payload = ByteBuffer.allocate(64);
    long begin = System.nanoTime();
    for (long sent = 0; !closed; sent++) {
      long wait = begin + sent * 1_000_000_000L / rate - System.nanoTime();
      if (wait > 0) {
        LockSupport.parkNanos(Math.max(wait, TURN_NANOS));
      }
      try {
        channel.send(payload.clear(), target);
      } catch (IOException refused) {
        // ICMP's answer to an earlier datagram; this one is sent all the same the next time.
        sent--;
      }
    }
  }

  @Override
  public void close() throws Exception {
    closed = true;
    thread.join();
    channel.close();
  }
}
