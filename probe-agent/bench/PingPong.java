import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.locks.LockSupport;

/** Two threads that answer one another over loopback TCP, so many times a second: packets and context switches. */
final class PingPong implements AutoCloseable {
  private final ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
  private final Thread answering = new Thread(this::answer, "pong");
  private final Thread asking = new Thread(this::ask, "ping");
  private final int rate;
  private volatile boolean closed;

  PingPong(int rate) throws IOException {
    this.rate = rate;
    answering.start();
    asking.start();
  }

  private void answer() {
    try (Socket socket = server.accept();
        InputStream in = socket.getInputStream();
        OutputStream out = socket.getOutputStream()) {
      socket.setTcpNoDelay(true);
      for (int read = in.read(); read >= 0; read = in.read()) {
        out.write(read);
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private void ask() {
    try (Socket socket = new Socket(server.getInetAddress(), server.getLocalPort());
        InputStream in = socket.getInputStream();
        OutputStream out = socket.getOutputStream()) {
      socket.setTcpNoDelay(true);
      long begin = System.nanoTime();
      for (long done = 0; !closed; done++) {
        out.write(1);
        if (in.read() < 0) {
          return;
        }
        long wait = begin + done * 1_000_000_000L / rate - System.nanoTime();
        if (wait > 0) {
          LockSupport.parkNanos(wait);
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() throws Exception {
    closed = true;
    asking.join();
    answering.join();
    server.close();
  }
}
