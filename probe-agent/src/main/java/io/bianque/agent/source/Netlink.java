package io.bianque.agent.source;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/** The form of netlink messages: include/uapi/linux/netlink.h and rtnetlink.h. */
final class Netlink {
  static final int ERROR = 2;
  static final int DONE = 3;
  static final int NEW_LINK = 16;
  static final int DELETE_LINK = 17;
  static final int GET_LINK = 18;
  static final int NEW_NAMESPACE_ID = 88;
  static final int DELETE_NAMESPACE_ID = 89;
  static final int GET_NAMESPACE_ID = 90;

  static final int REQUEST = 1;
  static final int DUMP = REQUEST | 0x300;

  static final int LINK_GROUP = 1;
  static final int NAMESPACE_ID_GROUP = 28;

  private static final int HEADER_BYTES = 16;
  private static final int ATTRIBUTE_HEADER_BYTES = 4;

  /** Nested or in network order: flags beside an attribute's type. */
  private static final int TYPE_MASK = 0x3fff;

  private Netlink() {}

  /** Who takes messages. */
  @FunctionalInterface
  interface Handler {
    /**
     * Takes one message.
     *
     * @param body behind the header, until this returns
     */
    void message(int type, ByteBuffer body);
  }

  /** Hands over each message of a datagram. */
  static void forEach(ByteBuffer datagram, Handler handler) {
    int at = 0;
    while (at + HEADER_BYTES <= datagram.limit()) {
      int length = datagram.getInt(at);
      if (length < HEADER_BYTES || at + length > datagram.limit()) {
        return;
      }
      ByteBuffer body = slice(datagram, at + HEADER_BYTES, length - HEADER_BYTES);
      handler.message(datagram.getShort(at + 4) & 0xffff, body);
      at += aligned(length);
    }
  }

  /** The attributes from a place on, by type. */
  static Map<Integer, ByteBuffer> attributes(ByteBuffer body, int from) {
    Map<Integer, ByteBuffer> attributes = new HashMap<>();
    int at = from;
    while (at + ATTRIBUTE_HEADER_BYTES <= body.limit()) {
      int length = body.getShort(at) & 0xffff;
      if (length < ATTRIBUTE_HEADER_BYTES || at + length > body.limit()) {
        break;
      }
      attributes.put(
          body.getShort(at + 2) & TYPE_MASK,
          slice(body, at + ATTRIBUTE_HEADER_BYTES, length - ATTRIBUTE_HEADER_BYTES));
      at += aligned(length);
    }
    return attributes;
  }

  /**
   * A request: its header, a fixed part of zeros, and attributes of one int each.
   *
   * @param attributes type and value, one after the other
   */
  static ByteBuffer request(int type, int flags, int fixedBytes, int... attributes) {
    int length = HEADER_BYTES + fixedBytes + attributes.length * 4;
    ByteBuffer request = ByteBuffer.allocate(length).order(ByteOrder.nativeOrder());
    request.putInt(length).putShort((short) type).putShort((short) flags).putInt(0).putInt(0);
    request.position(HEADER_BYTES + fixedBytes);
    for (int i = 0; i < attributes.length; i += 2) {
      request.putShort((short) (ATTRIBUTE_HEADER_BYTES + Integer.BYTES));
      request.putShort((short) attributes[i]).putInt(attributes[i + 1]);
    }
    return request;
  }

  /** Text up to its NUL. */
  static String text(ByteBuffer value) {
    byte[] bytes = new byte[value.limit()];
    value.get(0, bytes);
    String text = new String(bytes, java.nio.charset.StandardCharsets.UTF_8);
    int end = text.indexOf(0);
    return end < 0 ? text : text.substring(0, end);
  }

  private static ByteBuffer slice(ByteBuffer buffer, int at, int length) {
    return buffer.slice(at, length).order(buffer.order());
  }

  private static int aligned(int length) {
    return length + 3 & ~3;
  }
}
