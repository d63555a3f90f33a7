package io.bianque.agent.testing;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A device whose other end is this process, and whose speed is what one says. */
public final class Tap implements AutoCloseable {
  private static final int O_RDWR = 2;
  private static final long TUNSETIFF = 0x400454caL;
  private static final short IFF_TAP_NO_PI = 0x1002;
  private static final int AF_INET = 2;
  private static final int SOCK_DGRAM = 2;
  private static final long SIOCETHTOOL = 0x8946;
  private static final int ETHTOOL_GSET = 1;
  private static final int ETHTOOL_SSET = 2;

  /** struct ifreq, and struct ethtool_cmd. */
  private static final int IFREQ_BYTES = 40;

  private static final int IFNAMSIZ = 16;
  private static final int CMD_BYTES = 44;
  private static final int CMD_SPEED = 12;

  private final String device;
  private final int fd;
  private final int socket;

  /** Makes the device, on a thread of the namespace that it is to be in. */
  public static Tap open(NetnsPair pair, NetnsPair.Side side, String device) throws Exception {
    return pair.in(side, "bq-tap", () -> new Tap(device));
  }

  private Tap(String device) {
    this.device = device;
    try (Arena arena = Arena.ofConfined()) {
      fd = NativeThread.require("open", arena.allocateFrom("/dev/net/tun").address(), O_RDWR);
      MemorySegment request = request(arena);
      request.set(JAVA_SHORT, IFNAMSIZ, IFF_TAP_NO_PI);
      NativeThread.require("ioctl", fd, TUNSETIFF, request.address());
      socket = NativeThread.require("socket", AF_INET, SOCK_DGRAM, 0);
    }
  }

  /** Sets its speed, of which the kernel sends no message. */
  public void speed(int mbps) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment command = arena.allocate(CMD_BYTES, Long.BYTES);
      MemorySegment request = request(arena);
      request.set(JAVA_LONG, IFNAMSIZ, command.address());
      command.set(JAVA_INT, 0, ETHTOOL_GSET);
      NativeThread.require("ioctl", socket, SIOCETHTOOL, request.address());
      command.set(JAVA_INT, 0, ETHTOOL_SSET);
      command.set(JAVA_SHORT, CMD_SPEED, (short) mbps);
      NativeThread.require("ioctl", socket, SIOCETHTOOL, request.address());
    }
  }

  /** Lets the device receive a frame. */
  public void receive(byte[] frame) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(frame.length);
      copy.asByteBuffer().put(frame);
      NativeThread.require("write", fd, copy.address(), frame.length);
    }
  }

  private MemorySegment request(Arena arena) {
    MemorySegment request = arena.allocate(IFREQ_BYTES, Long.BYTES);
    request.setString(0, device);
    return request;
  }

  @Override
  public void close() {
    NativeThread.require("close", socket);
    NativeThread.require("close", fd);
  }
}
