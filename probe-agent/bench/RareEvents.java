import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * What a machine at rest has none of, so that each probe that can be made to run does: twenty times a second a write to
 * disk and a refused connection; connections that a full listen queue makes TCP ask for again; every few
 * seconds memory compacted, and a memory cgroup (of v1, where that is mounted) that reclaims its page cache.
 */
final class RareEvents implements AutoCloseable {
  private static final long TURN_NANOS = 50_000_000;
  private static final int RECLAIM_TURNS = 40;
  private static final int UNANSWERED = 200;
  private static final int CLOSED_PORT = 9;
  private static final Path CGROUP = Path.of("/sys/fs/cgroup/memory/bianque-bench");

  private final Path file;
  private final ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
  private final List<SocketChannel> unanswered = new ArrayList<>();
  private final Thread thread = new Thread(this::run, "rare");
  private volatile boolean closed;

  /**
   * @param work for the file that is written
   */
  RareEvents(Path work) throws IOException {
    this.file = work.resolve("written");
    // The first ones fill the queue, which nobody empties.
    for (int i = 0; i < UNANSWERED; i++) {
      SocketChannel channel = SocketChannel.open();
      channel.configureBlocking(false);
      channel.connect(full.getLocalSocketAddress());
      unanswered.add(channel);
    }
    thread.start();
  }

  private void run() {
    try (FileChannel written = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      for (int turn = 0; !closed; turn++) {
        written.write(ByteBuffer.allocate(4096), 0);
        written.force(false);
        refused();
        if (turn % RECLAIM_TURNS == 0) {
          Files.writeString(Path.of("/proc/sys/vm/compact_memory"), "1");
          reclaim();
        }
        LockSupport.parkNanos(TURN_NANOS);
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void refused() throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), CLOSED_PORT));
    } catch (ConnectException expected) {
      // That is the load.
    }
  }

  private void reclaim() throws IOException, InterruptedException {
    if (!Files.exists(CGROUP.resolveSibling("memory.limit_in_bytes"))) {
      return;
    }
    Files.createDirectories(CGROUP);
    Files.writeString(CGROUP.resolve("memory.limit_in_bytes"), Long.toString(16 << 20));
    new ProcessBuilder("sh", "-c", "echo $$ > " + CGROUP + "/tasks && dd if=/dev/zero of=" + file + " bs=1M count=48")
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }

  @Override
  public void close() throws Exception {
    closed = true;
    thread.join();
    for (SocketChannel channel : unanswered) {
      channel.close();
    }
    full.close();
  }
}
