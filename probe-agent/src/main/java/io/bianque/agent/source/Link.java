package io.bianque.agent.source;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;

/**
 * The state of a network device.
 *
 * @param index in its namespace
 * @param kind of a virtual device: {@code veth}, {@code bond}
 * @param master index of the bond or bridge that it is a port of; 0: of none
 * @param bondState of a bond's port
 * @param bondLink of a bond's port
 */
record Link(
    int index,
    String name,
    Optional<String> kind,
    UpDown admin,
    UpDown carrier,
    OperState operState,
    int master,
    Optional<BondState> bondState,
    Optional<BondLink> bondLink) {
  /** Of include/uapi/linux/if_link.h. */
  private static final int ADDRESS_FAMILY_AT = 0;

  private static final int INDEX_AT = 4;
  private static final int FLAGS_AT = 8;
  private static final int HEADER_BYTES = 16;
  private static final int IFF_UP = 1;
  private static final int IFLA_IFNAME = 3;
  private static final int IFLA_MASTER = 10;
  private static final int IFLA_OPERSTATE = 16;
  private static final int IFLA_LINKINFO = 18;
  private static final int IFLA_STATS64 = 23;
  private static final int IFLA_CARRIER = 33;
  private static final int IFLA_INFO_KIND = 1;
  private static final int IFLA_INFO_SLAVE_KIND = 4;
  private static final int IFLA_INFO_SLAVE_DATA = 5;
  private static final int IFLA_BOND_SLAVE_STATE = 1;
  private static final int IFLA_BOND_SLAVE_MII_STATUS = 2;

  /** Of something that is on or off. */
  public enum UpDown {
    DOWN,
    UP;

    static UpDown of(boolean up) {
      return up ? UP : DOWN;
    }
  }

  /** As RFC 2863 has them, in the kernel's order. */
  public enum OperState {
    UNKNOWN,
    NOTPRESENT,
    DOWN,
    LOWERLAYERDOWN,
    TESTING,
    DORMANT,
    UP
  }

  /** Whether a bond sends through a port. */
  public enum BondState {
    ACTIVE,
    BACKUP
  }

  /** How a bond sees the link of a port. */
  public enum BondLink {
    UP,
    FAIL,
    DOWN,
    BACK
  }

  /**
   * Whether the message is of a device itself, and tells all of it. A bridge sends messages of its
   * ports in the same form: one says that a port is deleted when it has only left the bridge. And
   * wireless drivers send some with little more than a name.
   */
  static boolean isDevice(ByteBuffer body) {
    return body.limit() >= HEADER_BYTES
        && body.get(ADDRESS_FAMILY_AT) == 0
        && Netlink.attributes(body, HEADER_BYTES).containsKey(IFLA_OPERSTATE);
  }

  static int index(ByteBuffer body) {
    return body.getInt(INDEX_AT);
  }

  /** The state that a message tells. */
  static Link of(ByteBuffer body) {
    Map<Integer, ByteBuffer> attributes = Netlink.attributes(body, HEADER_BYTES);
    Map<Integer, ByteBuffer> info = nested(attributes, IFLA_LINKINFO);
    Map<Integer, ByteBuffer> port =
        text(info, IFLA_INFO_SLAVE_KIND).equals(Optional.of("bond"))
            ? nested(info, IFLA_INFO_SLAVE_DATA)
            : Map.of();
    return new Link(
        index(body),
        text(attributes, IFLA_IFNAME).orElse(""),
        text(info, IFLA_INFO_KIND),
        UpDown.of((body.getInt(FLAGS_AT) & IFF_UP) != 0),
        UpDown.of(octet(attributes, IFLA_CARRIER, UpDown.values()).equals(Optional.of(UpDown.UP))),
        octet(attributes, IFLA_OPERSTATE, OperState.values()).orElse(OperState.UNKNOWN),
        Optional.ofNullable(attributes.get(IFLA_MASTER)).map(value -> value.getInt(0)).orElse(0),
        octet(port, IFLA_BOND_SLAVE_STATE, BondState.values()),
        octet(port, IFLA_BOND_SLAVE_MII_STATUS, BondLink.values()));
  }

  /**
   * The first so many of its counters: struct rtnl_link_stats64. Those that this kernel has not are
   * 0.
   */
  static long[] counters(ByteBuffer body, int count) {
    long[] counters = new long[count];
    ByteBuffer struct = Netlink.attributes(body, HEADER_BYTES).get(IFLA_STATS64);
    for (int i = 0; struct != null && i < count && (i + 1) * Long.BYTES <= struct.limit(); i++) {
      counters[i] = struct.getLong(i * Long.BYTES);
    }
    return counters;
  }

  private static Map<Integer, ByteBuffer> nested(Map<Integer, ByteBuffer> attributes, int type) {
    ByteBuffer value = attributes.get(type);
    return value == null ? Map.of() : Netlink.attributes(value, 0);
  }

  private static Optional<String> text(Map<Integer, ByteBuffer> attributes, int type) {
    return Optional.ofNullable(attributes.get(type)).map(Netlink::text);
  }

  private static <T> Optional<T> octet(Map<Integer, ByteBuffer> attributes, int type, T[] values) {
    ByteBuffer value = attributes.get(type);
    return value == null || value.get(0) < 0 || value.get(0) >= values.length
        ? Optional.empty()
        : Optional.of(values[value.get(0)]);
  }
}
