package io.bianque.standalone.stack;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/** Every port of one stack, at fixed distances from one base, all on 127.0.0.1. */
public record Ports(int base) {

  public static final int DEFAULT_BASE = 19090;
  private static final int SPAN = 12;

  public Ports {
    if (base < 1024 || base > 65535 - SPAN) {
      throw new IllegalArgumentException(
          "port base " + base + " is out of range: allowed is 1024 to " + (65535 - SPAN));
    }
  }

  public int registry() {
    return base + 1;
  }

  public int broker() {
    return base + 2;
  }

  public int controller() {
    return base + 3;
  }

  public int registryManagement() {
    return base + 4;
  }

  public int objectStore() {
    return base + 5;
  }

  public int connect() {
    return base + 6;
  }

  public int agent() {
    return base + 7;
  }

  public int streams() {
    return base + 8;
  }

  public int search() {
    return base + 10;
  }

  public int searchTransport() {
    return base + 11;
  }

  public String bootstrapServers() {
    return "127.0.0.1:" + broker();
  }

  public URI registryApi() {
    return http(registry()).resolve("/apis/ccompat/v7");
  }

  public URI http(int port) {
    return URI.create("http://127.0.0.1:" + port);
  }

  /** Each port with what it is for, in order of number. */
  public Map<Integer, String> all() {
    Map<Integer, String> all = new LinkedHashMap<>();
    all.put(registry(), "registry");
    all.put(broker(), "broker");
    all.put(controller(), "broker's controller");
    all.put(registryManagement(), "registry's management");
    all.put(objectStore(), "object store");
    all.put(connect(), "connect");
    all.put(agent(), "agent");
    all.put(streams(), "streams");
    all.put(search(), "search");
    all.put(searchTransport(), "search's transport");
    return all;
  }

  /**
   * A base whose ports are all free at this moment; for tests, which must not meet a running stack.
   */
  public static Ports free() {
    for (int attempt = 0; attempt < 200; attempt++) {
      // Below Linux' default ephemeral range, so that no outgoing connection takes one meanwhile.
      Ports ports = new Ports(ThreadLocalRandom.current().nextInt(1100, 2700) * 12);
      if (ports.all().keySet().stream().allMatch(Ports::isFree)) {
        return ports;
      }
    }
    throw new IllegalStateException("no range of " + SPAN + " free ports found on 127.0.0.1");
  }

  public static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (IOException taken) {
      return false;
    }
  }
}
