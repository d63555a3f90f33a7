package io.bianque.tests.e2e;

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
  static void connect(VethPair network, InetAddress address, int port) throws Exception {
    network.inWest(() -> {
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress(address, port), 500);
        throw new IllegalStateException("somebody listens on " + address + " port " + port);
      } catch (ConnectException | SocketTimeoutException wanted) {
        return null;
      }
    });
  }

  /** One datagram that nobody waits for. */
  static void datagram(VethPair network, InetAddress address, int port) throws Exception {
    ProtocolFamily family =
        address.getAddress().length == 4
            ? StandardProtocolFamily.INET
            : StandardProtocolFamily.INET6;
    network.inWest(() -> {
      try (DatagramChannel channel = DatagramChannel.open(family)) {
        return channel.send(ByteBuffer.allocate(8), new InetSocketAddress(address, port));
      }
    });
  }

  /** A listener that is closed while a connection with data in it still waits to be accepted. */
  static void closeListenerWithUnacceptedChild(VethPair network, InetAddress address, int port)
      throws Exception {
    ServerSocket listener = network.inEast(() -> new ServerSocket(port, 8, address));
    try (listener) {
      Socket client =
          network.inWest(() -> {
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
    void run(VethPair network) throws Exception;
  }
}
