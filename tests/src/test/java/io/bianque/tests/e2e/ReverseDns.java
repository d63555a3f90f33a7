package io.bianque.tests.e2e;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/**
 * An authoritative DNS server on a loopback port, over UDP and TCP, for the names that its
 * addresses stand for. Any thread may use it.
 *
 * <p>It answers PTR questions for the addresses it was given, NXDOMAIN with an SOA for others in
 * the same zones (192.0.2.0/24 and 2001:db8::/32, both reserved for documentation), and REFUSED for
 * the rest.
 */
final class ReverseDns implements AutoCloseable {
  private static final int TTL_SECONDS = 300;

  private final Map<Name, Name> names = new HashMap<>();
  private final Name zone4 = Name.fromConstantString("2.0.192.in-addr.arpa.");
  private final Name zone6 = Name.fromConstantString("8.b.d.0.1.0.0.2.ip6.arpa.");
  private final DatagramSocket udp;
  private final ServerSocket tcp;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final AtomicInteger questions = new AtomicInteger();

  private ReverseDns(DatagramSocket udp, ServerSocket tcp) {
    this.udp = udp;
    this.tcp = tcp;
  }

  /**
   * Starts it on a port that is free for both protocols.
   *
   * @param names by textual address
   */
  static ReverseDns serving(Map<String, String> names) {
    try {
      InetAddress loopback = InetAddress.getLoopbackAddress();
      ServerSocket tcp = new ServerSocket();
      tcp.bind(new InetSocketAddress(loopback, 0));
      ReverseDns server = new ReverseDns(new DatagramSocket(tcp.getLocalPort(), loopback), tcp);
      for (Map.Entry<String, String> entry : names.entrySet()) {
        server.names.put(
            ReverseMap.fromAddress(entry.getKey()), Name.fromString(entry.getValue() + "."));
      }
      server.threads.execute(server::serveUdp);
      server.threads.execute(server::serveTcp);
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** As streams' configuration takes it. */
  String address() {
    return "127.0.0.1:" + tcp.getLocalPort();
  }

  /** How many it was asked, so that a test can tell a cache from a name made up. */
  int questions() {
    return questions.get();
  }

  @Override
  public void close() {
    udp.close();
    try {
      tcp.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      threads.shutdownNow();
    }
  }

  private void serveUdp() {
    byte[] buffer = new byte[4096];
    while (!udp.isClosed()) {
      try {
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        udp.receive(packet);
        byte[] query = Arrays.copyOf(packet.getData(), packet.getLength());
        byte[] answer = answer(new Message(query)).toWire(512);
        udp.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
      } catch (IOException e) {
        // Closed, or a datagram that is no DNS message: a real server is silent about both.
      }
    }
  }

  private void serveTcp() {
    while (!tcp.isClosed()) {
      try {
        Socket client = tcp.accept();
        threads.execute(() -> serve(client));
      } catch (IOException e) {
        // Closed: the loop ends.
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      DataInputStream in = new DataInputStream(client.getInputStream());
      DataOutputStream out = new DataOutputStream(client.getOutputStream());
      while (true) {
        byte[] query = in.readNBytes(in.readUnsignedShort());
        byte[] answer = answer(new Message(query)).toWire(65535);
        out.writeShort(answer.length);
        out.write(answer);
        out.flush();
      }
    } catch (IOException e) {
      // The client has what it wanted, or this server is being closed.
    }
  }

  private Message answer(Message query) {
    questions.incrementAndGet();
    Message answer = new Message(query.getHeader().getID());
    answer.getHeader().setFlag(Flags.QR);
    if (query.getHeader().getFlag(Flags.RD)) {
      answer.getHeader().setFlag(Flags.RD);
    }
    Record question = query.getQuestion();
    if (question == null || query.getHeader().getOpcode() != Opcode.QUERY) {
      answer.getHeader().setRcode(Rcode.FORMERR);
      return answer;
    }
    answer.addRecord(question, Section.QUESTION);
    Name name = question.getName();
    Name zone = name.subdomain(zone4) ? zone4 : name.subdomain(zone6) ? zone6 : null;
    if (zone == null) {
      answer.getHeader().setRcode(Rcode.REFUSED);
      return answer;
    }
    answer.getHeader().setFlag(Flags.AA);
    Name target = names.get(name);
    if (target != null && question.getType() == Type.PTR) {
      answer.addRecord(new PTRRecord(name, DClass.IN, TTL_SECONDS, target), Section.ANSWER);
    } else {
      if (target == null) {
        answer.getHeader().setRcode(Rcode.NXDOMAIN);
      }
      answer.addRecord(
          new SOARecord(zone, DClass.IN, TTL_SECONDS, zone, zone, 1, 3600, 600, 86400, 60),
          Section.AUTHORITY);
    }
    return answer;
  }
}
