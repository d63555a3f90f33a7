package io.bianque.agent.libbpf;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A socket of rtnetlink that never waits. It speaks of the network namespace that the thread was in
 * which opened it.
 *
 * <p>One thread at a time.
 */
public final class NetlinkSocket implements AutoCloseable {
  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0x800 | 0x80000;
  private static final int NETLINK_ROUTE = 0;
  private static final int SOL_SOCKET = 1;
  private static final int SO_RCVBUF = 8;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int SOL_NETLINK = 270;
  private static final int NETLINK_ADD_MEMBERSHIP = 1;
  private static final int NETLINK_LISTEN_ALL_NSID = 8;
  private static final int MSG_TRUNC = 0x20;
  private static final int SIOCETHTOOL = 0x8946;
  private static final String SUBJECT = "rtnetlink";

  /** A dump comes in pieces of at most 32 KiB, an event is one message. */
  private static final int BUFFER_BYTES = 64 * 1024;

  private static final int ADDRESS_BYTES = 12;

  /** struct msghdr and struct iovec: where the fields are on 64-bit machines. */
  private static final int MSG_IOV = 16;

  private static final int MSG_IOVLEN = 24;
  private static final int MSG_CONTROL = 32;
  private static final int MSG_CONTROLLEN = 40;
  private static final int MSG_FLAGS = 48;
  private static final int MSG_BYTES = 56;
  private static final int IOV_BYTES = 16;
  private static final int CONTROL_BYTES = 64;

  /** struct cmsghdr: its length, level, type, and then data. */
  private static final int CMSG_LEVEL = 8;

  private static final int CMSG_TYPE = 12;
  private static final int CMSG_DATA = 16;

  /** struct ifreq: the device's name, and behind it a pointer. */
  private static final int IFNAMSIZ = 16;

  private static final int IFREQ_BYTES = 40;

  private final Arena arena = Arena.ofShared();
  private final int fd;
  private final MemorySegment buffer = arena.allocate(BUFFER_BYTES, Long.BYTES);
  private final MemorySegment message = arena.allocate(MSG_BYTES, Long.BYTES);
  private final MemorySegment control = arena.allocate(CONTROL_BYTES, Long.BYTES);
  private final ByteBuffer received =
      buffer.asByteBuffer().asReadOnlyBuffer().order(ByteOrder.nativeOrder());

  /** What a look found. */
  public enum Reception {
    /** It was handed on. */
    DATAGRAM,
    NOTHING,
    /** The kernel had to drop messages, since its queue for this socket was full. */
    OVERRUN
  }

  /** Who takes datagrams. */
  @FunctionalInterface
  public interface DatagramHandler {
    /**
     * Takes one datagram of one or more messages.
     *
     * @param datagram from 0 to its limit until this returns, in native order
     * @param namespace id of the namespace it is of; empty: of the socket's own
     */
    void datagram(ByteBuffer datagram, OptionalInt namespace);
  }

  /**
   * Opens a socket.
   *
   * @param queueBytes room in the kernel for what waits to be received, as far as it is allowed
   * @param groups multicast groups to join
   */
  public static NetlinkSocket open(int queueBytes, int... groups) {
    return new NetlinkSocket(queueBytes, groups);
  }

  private NetlinkSocket(int queueBytes, int... groups) {
    fd = checked("socket", Libc.socket(AF_NETLINK, SOCK_RAW_NONBLOCK_CLOEXEC, NETLINK_ROUTE));
    try {
      if (option(SOL_SOCKET, SO_RCVBUFFORCE, queueBytes) < 0) {
        checked("setsockopt", option(SOL_SOCKET, SO_RCVBUF, queueBytes));
      }
      MemorySegment address = arena.allocate(ADDRESS_BYTES, Integer.BYTES);
      address.set(JAVA_SHORT, 0, (short) AF_NETLINK);
      checked("bind", Libc.bind(fd, address.address(), ADDRESS_BYTES));
      for (int group : groups) {
        checked("setsockopt", option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group));
      }
      prepareMessage();
    } catch (BpfException e) {
      close();
      throw e;
    }
  }

  private void prepareMessage() {
    MemorySegment vector = arena.allocate(IOV_BYTES, Long.BYTES);
    vector.set(JAVA_LONG, 0, buffer.address());
    vector.set(JAVA_LONG, Long.BYTES, BUFFER_BYTES);
    message.set(JAVA_LONG, MSG_IOV, vector.address());
    message.set(JAVA_LONG, MSG_IOVLEN, 1);
    message.set(JAVA_LONG, MSG_CONTROL, control.address());
  }

  /**
   * From now on messages of all namespaces come that have an id in the socket's own.
   *
   * @return whether it is allowed; it takes CAP_NET_BROADCAST
   */
  public boolean listenToAllNamespaces() {
    int result = option(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1);
    if (result != -Errno.EPERM) {
      checked("setsockopt", result);
    }
    return result >= 0;
  }

  /** Sends a message to the kernel, from 0 to the buffer's position. */
  public void send(ByteBuffer request) {
    int length = request.position();
    try (Arena call = Arena.ofConfined()) {
      MemorySegment copy = call.allocate(length, Long.BYTES);
      copy.asByteBuffer().put(0, request, 0, length);
      checked("send", Libc.send(fd, copy.address(), length, 0));
    }
  }

  /** Hands over one datagram, if one is there. */
  public Reception receive(DatagramHandler handler) {
    message.set(JAVA_LONG, MSG_CONTROLLEN, CONTROL_BYTES);
    int length = Libc.recvmsg(fd, message.address(), 0);
    if (length == -Errno.EAGAIN) {
      return Reception.NOTHING;
    }
    if (length == -Errno.ENOBUFS) {
      return Reception.OVERRUN;
    }
    checked("recvmsg", length);
    if ((message.get(JAVA_INT, MSG_FLAGS) & MSG_TRUNC) != 0) {
      return Reception.OVERRUN;
    }
    handler.datagram(received.clear().limit(length).slice().order(received.order()), namespace());
    return Reception.DATAGRAM;
  }

  private OptionalInt namespace() {
    return message.get(JAVA_LONG, MSG_CONTROLLEN) > CMSG_DATA
            && control.get(JAVA_INT, CMSG_LEVEL) == SOL_NETLINK
            && control.get(JAVA_INT, CMSG_TYPE) == NETLINK_LISTEN_ALL_NSID
        ? OptionalInt.of(control.get(JAVA_INT, CMSG_DATA))
        : OptionalInt.empty();
  }

  /**
   * Asks the driver of a device of this namespace: ioctl SIOCETHTOOL.
   *
   * @param command number of the command
   * @param bytes size of its struct, which begins with that number
   * @return the struct as the kernel filled it; empty when the driver does not know the command, or
   *     there is no such device
   */
  public Optional<ByteBuffer> ethtool(String device, int command, int bytes) {
    byte[] name = device.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    if (name.length >= IFNAMSIZ) {
      return Optional.empty();
    }
    try (Arena call = Arena.ofConfined()) {
      MemorySegment struct = call.allocate(bytes, Long.BYTES);
      struct.set(JAVA_INT, 0, command);
      MemorySegment request = call.allocate(IFREQ_BYTES, Long.BYTES);
      MemorySegment.copy(MemorySegment.ofArray(name), 0, request, 0, name.length);
      request.set(JAVA_LONG, IFNAMSIZ, struct.address());
      if (Libc.ioctl(fd, SIOCETHTOOL, request.address()) < 0) {
        return Optional.empty();
      }
      return Optional.of(
          ByteBuffer.wrap(struct.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE))
              .order(ByteOrder.nativeOrder()));
    }
  }

  private int option(int level, int name, int value) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment segment = call.allocate(JAVA_INT);
      segment.set(JAVA_INT, 0, value);
      return Libc.setsockopt(fd, level, name, segment.address(), Integer.BYTES);
    }
  }

  private static int checked(String function, int result) {
    if (result < 0) {
      throw new BpfException(function, SUBJECT, -result, "");
    }
    return result;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
      int _ = Libc.close(fd);
    }
  }
}
