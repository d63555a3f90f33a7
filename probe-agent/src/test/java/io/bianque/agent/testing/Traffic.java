package io.bianque.agent.testing;

import io.bianque.agent.testing.NetnsPair.Side;
import java.io.IOException;
import java.net.ConnectException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;

/** Packets to be dropped, between the two namespaces of a pair. */
public final class Traffic {
  /** Name of the task that sends. */
  public static final String TASK = "bq-traffic";

  private static final int CONNECT_MILLIS = 200;

  private final NetnsPair pair;

  /** Traffic of one pair; the pair stays the caller's. */
  public Traffic(NetnsPair pair) {
    this.pair = pair;
  }

  /** Sends one UDP datagram from the left side; its source port. */
  public int udp(String address, int port, int payloadBytes) throws Exception {
    return pair.in(
        Side.LEFT,
        TASK,
        () -> {
          try (DatagramSocket socket = new DatagramSocket()) {
            socket.send(
                new DatagramPacket(
                    new byte[payloadBytes], payloadBytes, InetAddress.getByName(address), port));
            return socket.getLocalPort();
          } catch (IOException refused) {
            // A drop on the way out comes back as EPERM; the packet was made all the same.
            return -1;
          }
        });
  }

  /** Tries to connect from the left side's {@code fromPort}; nothing is to answer well. */
  public void connect(int fromPort, String address, int port) throws Exception {
    pair.in(
        Side.LEFT,
        TASK,
        () -> {
          try (Socket socket = new Socket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(fromPort));
            socket.connect(new InetSocketAddress(address, port), CONNECT_MILLIS);
            throw new IllegalStateException("connected");
          } catch (ConnectException | SocketTimeoutException expected) {
            return null;
          }
        });
  }

  /**
   * Listens on the right side and tries to connect from the left; a rule has to keep it from it.
   */
  public void connectToSilentListener(int fromPort, int port) throws Exception {
    ServerSocket listener =
        pair.in(
            Side.RIGHT,
            TASK,
            () -> new ServerSocket(port, 5, InetAddress.getByName(Side.RIGHT.ipv4())));
    try (listener) {
      connect(fromPort, Side.RIGHT.ipv4(), port);
    }
  }

  /** Sends an ICMP or ICMPv6 echo request from the left side. */
  public void ping(String address) throws Exception {
    pair.in(Side.LEFT, TASK, () -> InetAddress.getByName(address).isReachable(CONNECT_MILLIS));
  }

  /** Listens on the right side, lets a connection with data in, and closes without accepting it. */
  public void closeWithUnaccepted(int port) throws Exception {
    ServerSocket listener =
        pair.in(
            Side.RIGHT,
            TASK,
            () -> new ServerSocket(port, 5, InetAddress.getByName(Side.RIGHT.ipv4())));
    try (listener;
        Socket client = pair.in(Side.LEFT, TASK, () -> new Socket(Side.RIGHT.ipv4(), port))) {
      client.getOutputStream().write(new byte[100]);
    }
  }

  /**
   * A connection whose first segment never arrives while a later one does, and so lies in the
   * receiver's out-of-order queue when the receiver is closed.
   *
   * @return the sender's port
   */
  public int closeWithOutOfOrder(int port) throws Exception {
    try (ServerSocket listener =
            pair.in(
                Side.RIGHT,
                TASK,
                () -> new ServerSocket(port, 5, InetAddress.getByName(Side.RIGHT.ipv4())));
        Socket sender = pair.in(Side.LEFT, TASK, () -> new Socket(Side.RIGHT.ipv4(), port));
        Socket receiver = listener.accept()) {
      sender.setTcpNoDelay(true);
      pair.nft(Side.RIGHT, "input", "tcp dport " + port + " meta length 1000-1200 drop");
      sender.getOutputStream().write(new byte[1000]);
      sender.getOutputStream().write(new byte[10]);
      sender.getOutputStream().write(new byte[10]);
      receiver.setSoLinger(true, 0);
      return sender.getLocalPort();
    }
  }
}
