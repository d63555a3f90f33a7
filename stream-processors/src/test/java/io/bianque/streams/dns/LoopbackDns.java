package io.bianque.streams.dns;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;

/** A DNS server over UDP on the loopback interface, which answers as a test wants it. */
final class LoopbackDns implements AutoCloseable {
  /** How a question is met. */
  enum Manner {
    ANSWERS,
    /** Answers when {@link #open} is called. */
    HOLDS,
    SILENT,
    FAILS
  }

  private static final int NEGATIVE_TTL = 120;

  private final DatagramSocket socket;
  private final Map<String, List<String>> names = new ConcurrentHashMap<>();
  private final CountDownLatch opened = new CountDownLatch(1);
  final List<String> questions = new CopyOnWriteArrayList<>();
  final AtomicInteger atOnce = new AtomicInteger();
  volatile Manner manner = Manner.ANSWERS;
  volatile long ttl = 60;

  LoopbackDns() throws IOException {
    socket = new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    Thread.ofVirtual().start(this::serve);
  }

  InetSocketAddress address() {
    return (InetSocketAddress) socket.getLocalSocketAddress();
  }

  void name(String reverse, String... targets) {
    names.put(reverse, List.of(targets));
  }

  void open() {
    opened.countDown();
  }

  private void serve() {
    byte[] buffer = new byte[1500];
    while (!socket.isClosed()) {
      DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
      try {
        socket.receive(packet);
        Message question =
            new Message(java.util.Arrays.copyOf(packet.getData(), packet.getLength()));
        questions.add(question.getQuestion().getName().toString());
        var from = packet.getSocketAddress();
        Thread.ofVirtual().start(() -> answer(question, from));
      } catch (SocketException e) {
        return;
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private void answer(Message question, java.net.SocketAddress to) {
    try {
      if (manner == Manner.SILENT) {
        return;
      }
      if (manner == Manner.HOLDS) {
        atOnce.incrementAndGet();
        opened.await();
      }
      byte[] bytes = reply(question).toWire();
      socket.send(new DatagramPacket(bytes, bytes.length, to));
    } catch (IOException | InterruptedException e) {
      if (!socket.isClosed()) {
        throw new IllegalStateException(e);
      }
    }
  }

  private Message reply(Message question) throws IOException {
    Record asked = question.getQuestion();
    Message reply = new Message(question.getHeader().getID());
    reply.getHeader().setFlag(Flags.QR);
    reply.addRecord(asked, Section.QUESTION);
    List<String> targets = names.get(asked.getName().toString());
    if (manner == Manner.FAILS) {
      reply.getHeader().setRcode(Rcode.SERVFAIL);
    } else if (targets == null) {
      reply.getHeader().setRcode(Rcode.NXDOMAIN);
      Name zone = Name.fromString("10.in-addr.arpa.");
      reply.addRecord(
          new SOARecord(zone, DClass.IN, 3600, zone, zone, 1, 1, 1, 1, NEGATIVE_TTL),
          Section.AUTHORITY);
    } else {
      for (String target : targets) {
        reply.addRecord(
            new PTRRecord(asked.getName(), DClass.IN, ttl, Name.fromString(target)),
            Section.ANSWER);
      }
    }
    return reply;
  }

  @Override
  public void close() {
    open();
    socket.close();
  }
}
