package io.bianque.agent.testing;

import io.bianque.agent.testing.NetnsPair.Side;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;

/**
 * A TCP connection from a pair's left side to its right, with both ends in hand.
 *
 * @param listener still open: what it accepted is {@code server}
 */
public record TcpConnection(ServerSocket listener, Socket client, Socket server)
    implements AutoCloseable {
  private static final int BACKLOG = 5;

  /** Connects to a listener of its own at the right side's address. */
  public static TcpConnection open(NetnsPair pair, String address, int port) throws Exception {
    ServerSocket listener = listen(pair, address, port, BACKLOG);
    Socket client = connected(pair, address, port);
    client.setTcpNoDelay(true);
    return new TcpConnection(listener, client, listener.accept());
  }

  /** Listens on the right side. */
  public static ServerSocket listen(NetnsPair pair, String address, int port, int backlog)
      throws Exception {
    return pair.in(
        Side.RIGHT,
        Traffic.TASK,
        () -> new ServerSocket(port, backlog, InetAddress.getByName(address)));
  }

  /** Connects from the left side: the client's end has got its answer. */
  public static Socket connected(NetnsPair pair, String address, int port) throws Exception {
    return pair.in(Side.LEFT, Traffic.TASK, () -> new Socket(address, port));
  }

  /** Begins to connect from the left side and does not wait for what becomes of it. */
  public static Socket connecting(NetnsPair pair, String address, int port) throws Exception {
    Socket socket =
        pair.in(
            Side.LEFT,
            Traffic.TASK,
            () -> {
              Socket made = new Socket();
              // A socket is of the namespace in which it gets its descriptor.
              made.bind(null);
              return made;
            });
    Thread.ofPlatform()
        .daemon()
        .name(Traffic.TASK)
        .start(() -> {
          try {
            socket.connect(new InetSocketAddress(address, port));
          } catch (IOException closedOrRefused) {
            // Its owner closes it when it has seen enough.
          }
        });
    return socket;
  }

  /** Sends that many segments of so many bytes from the client, each by a call of its own. */
  public void send(int segments, int bytes) {
    try {
      for (int i = 0; i < segments; i++) {
        client.getOutputStream().write(new byte[bytes]);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Closes both ends by RST, so that nothing of it is sent again behind the next test's back. */
  @Override
  public void close() throws IOException {
    listener.close();
    client.setSoLinger(true, 0);
    client.close();
    server.setSoLinger(true, 0);
    server.close();
  }
}
