package io.bianque.tests.e2e;

import static io.bianque.agent.testing.NetnsPair.Side.LEFT;
import static io.bianque.agent.testing.NetnsPair.Side.RIGHT;

import io.bianque.agent.testing.NetnsPair;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;

/** The ways in which a test makes the kernel drop one packet. */
final class Trigger {
  private Trigger() {}

  /** A SYN that nobody answers, or that is refused. */
  static void connect(NetnsPair network, String address, int port) throws Exception {
    network.in(
        LEFT,
        "trigger",
        () -> {
          try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address, port), 500);
            throw new IllegalStateException("somebody listens on " + address + " port " + port);
          } catch (ConnectException | SocketTimeoutException wanted) {
            return null;
          }
        });
  }

  /** One datagram that nobody waits for. */
  static void datagram(NetnsPair network, String address, int port) throws Exception {
    ProtocolFamily family =
        address.indexOf(':') < 0 ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6;
    network.in(
        LEFT,
        "trigger",
        () -> {
          try (DatagramChannel channel = DatagramChannel.open(family)) {
            return channel.send(ByteBuffer.allocate(8), new InetSocketAddress(address, port));
          }
        });
  }

  /** A listener that is closed while a connection with data in it still waits to be accepted. */
  static void closeListenerWithUnacceptedChild(NetnsPair network, String address, int port)
      throws Exception {
    ServerSocket listener =
        network.in(
            RIGHT, "trigger", () -> new ServerSocket(port, 8, InetAddress.getByName(address)));
    try (listener) {
      Socket client =
          network.in(
              LEFT,
              "trigger",
              () -> {
                Socket socket = new Socket(address, port);
                socket
                    .getOutputStream()
                    .write("never read".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                return socket;
              });
      // Loopback of one machine: when write() is back, the data is in the child's queue.
      listener.close();
      client.close();
    }
  }

  /** For a lambda that only has to have happened. */
  interface Action {
    void run(NetnsPair network) throws Exception;
  }
}
