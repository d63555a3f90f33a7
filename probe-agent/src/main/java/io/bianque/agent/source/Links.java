package io.bianque.agent.source;

import io.bianque.agent.libbpf.NetlinkSocket;
import io.bianque.agent.libbpf.NetlinkSocket.Reception;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What the kernel answers about network devices and namespaces. The kernel answers while it is
 * asked, so that nothing is waited for.
 */
final class Links implements AutoCloseable {
  private static final int QUEUE_BYTES = 1 << 18;
  private static final int LINK_HEADER_BYTES = 16;
  private static final int IFLA_EXT_MASK = 29;
  private static final int IFLA_TARGET_NETNSID = 46;
  private static final int SKIP_STATISTICS = 1 << 3;
  private static final int NAMESPACE_HEADER_BYTES = 4;
  private static final int NETNSA_NSID = 1;
  private static final int NETNSA_PID = 2;
  private static final int NETNSA_FD = 3;
  private static final int ETHTOOL_GSET = 1;
  private static final int ETHTOOL_GDRVINFO = 3;

  /** struct ethtool_cmd: where the halves of the speed are. */
  private static final int CMD_BYTES = 44;

  private static final int CMD_SPEED = 12;
  private static final int CMD_SPEED_HIGH = 28;
  private static final int SPEED_UNKNOWN = -1;

  /** struct ethtool_drvinfo: number, name of the driver, and more. */
  private static final int DRVINFO_BYTES = 196;

  private static final int DRIVER_AT = 4;
  private static final int DRIVER_BYTES = 32;

  private final NetlinkSocket socket = NetlinkSocket.open(QUEUE_BYTES);

  /** Hands over a message of each device of a namespace, with or without its counters. */
  boolean each(OptionalInt namespace, boolean counters, Netlink.Handler handler) {
    int mask = counters ? 0 : SKIP_STATISTICS;
    ByteBuffer request =
        namespace.isPresent()
            ? Netlink.request(
                Netlink.GET_LINK,
                Netlink.DUMP,
                LINK_HEADER_BYTES,
                IFLA_EXT_MASK,
                mask,
                IFLA_TARGET_NETNSID,
                namespace.getAsInt())
            : Netlink.request(
                Netlink.GET_LINK, Netlink.DUMP, LINK_HEADER_BYTES, IFLA_EXT_MASK, mask);
    return ask(
        request,
        (type, body) -> {
          if (type == Netlink.NEW_LINK && Link.isDevice(body)) {
            handler.message(type, body);
          }
        });
  }

  /** The ids of all namespaces that have one in this namespace. */
  Set<Integer> namespaceIds() {
    Set<Integer> ids = new HashSet<>();
    ask(
        Netlink.request(Netlink.GET_NAMESPACE_ID, Netlink.DUMP, NAMESPACE_HEADER_BYTES),
        (type, body) -> {
          if (type == Netlink.NEW_NAMESPACE_ID) {
            namespaceId(body).ifPresent(ids::add);
          }
        });
    return ids;
  }

  /** The id of the namespace that a process is in. */
  OptionalInt idOfProcess(int pid) {
    return idOf(NETNSA_PID, pid);
  }

  /** The id of a namespace by an open file of it. */
  OptionalInt idOfFile(int descriptor) {
    return idOf(NETNSA_FD, descriptor);
  }

  private OptionalInt idOf(int attribute, int value) {
    int[] id = {-1};
    ask(
        Netlink.request(
            Netlink.GET_NAMESPACE_ID, Netlink.REQUEST, NAMESPACE_HEADER_BYTES, attribute, value),
        (type, body) -> {
          if (type == Netlink.NEW_NAMESPACE_ID) {
            id[0] = namespaceId(body).orElse(-1);
          }
        });
    return id[0] < 0 ? OptionalInt.empty() : OptionalInt.of(id[0]);
  }

  /** The id that a message is about; empty when the namespace has none. */
  static OptionalInt namespaceId(ByteBuffer body) {
    Map<Integer, ByteBuffer> attributes = Netlink.attributes(body, NAMESPACE_HEADER_BYTES);
    ByteBuffer id = attributes.get(NETNSA_NSID);
    return id == null || id.getInt(0) < 0 ? OptionalInt.empty() : OptionalInt.of(id.getInt(0));
  }

  /** Speed of a device of this namespace in Mbit/s; empty where it has none, or no link. */
  Optional<Long> speed(String device) {
    return socket
        .ethtool(device, ETHTOOL_GSET, CMD_BYTES)
        .map(command ->
            (command.getShort(CMD_SPEED) & 0xffff) | (command.getShort(CMD_SPEED_HIGH) << 16))
        .filter(speed -> speed != SPEED_UNKNOWN && speed != 0)
        .map(Integer::toUnsignedLong);
  }

  /** Name of the driver of a device of this namespace. */
  Optional<String> driver(String device) {
    return socket
        .ethtool(device, ETHTOOL_GDRVINFO, DRVINFO_BYTES)
        .map(info -> Netlink.text(info.slice(DRIVER_AT, DRIVER_BYTES)))
        .filter(driver -> !driver.isEmpty());
  }

  /** Whether it was answered; else it is not allowed, or what it was about is not there. */
  private boolean ask(ByteBuffer request, Netlink.Handler handler) {
    boolean[] refused = {false};
    socket.send(request);
    Reception reception = Reception.DATAGRAM;
    while (reception != Reception.NOTHING) {
      reception =
          socket.receive((datagram, _) ->
              Netlink.forEach(
                  datagram,
                  (type, body) -> {
                    refused[0] |= type == Netlink.ERROR && body.getInt(0) != 0;
                    handler.message(type, body);
                  }));
    }
    return !refused[0];
  }

  @Override
  public void close() {
    socket.close();
  }
}
