package io.bianque.agent.container;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The few calls of the kubelet's container runtime interface (runtime.v1) that make a pod and a
 * container in it: gRPC by curl, Protocol Buffers by hand.
 */
final class Cri {
  private static final Pattern ID = Pattern.compile("[0-9a-f]{64}");

  /** enum NamespaceMode: the host's. */
  private static final int NODE = 2;

  private final Daemon daemon;
  private final Path request;

  Cri(Daemon daemon, Path folder) {
    this.daemon = daemon;
    this.request = folder.resolve("request");
  }

  /** A pod on the host's network, as no other is there. */
  static byte[] pod(String name, String namespace, String uid, String cgroup) {
    return join(
        field(1, join(field(1, name), field(2, uid), field(3, namespace))),
        // linux: cgroup_parent, security_context.namespace_options.network
        field(8, join(field(1, cgroup), field(2, field(1, field(1, NODE))))));
  }

  String runPod(byte[] pod) throws Exception {
    return id(call("RunPodSandbox", field(1, pod)));
  }

  /** Starts a container. */
  String run(String podId, byte[] pod, String name, String image, String program, String argument)
      throws Exception {
    byte[] container =
        join(
            field(1, field(1, name)),
            field(2, field(1, image)),
            field(3, program),
            field(4, argument));
    String id =
        id(call("CreateContainer", join(field(1, podId), field(2, container), field(3, pod))));
    call("StartContainer", field(1, id));
    return id;
  }

  void remove(String podId) throws Exception {
    call("StopPodSandbox", field(1, podId));
    call("RemovePodSandbox", field(1, podId));
  }

  /** The answer with its headers and trailers. */
  private String call(String method, byte[] message) throws Exception {
    // A gRPC message: not compressed, its length, itself.
    Files.write(
        request,
        ByteBuffer.allocate(5 + message.length)
            .put((byte) 0)
            .putInt(message.length)
            .put(message)
            .array());
    byte[] answer =
        daemon.curl(
            "--include",
            "--http2-prior-knowledge",
            "-H",
            "content-type: application/grpc",
            "-H",
            "te: trailers",
            "--data-binary",
            "@" + request,
            "http://cri/runtime.v1.RuntimeService/" + method);
    String text = new String(answer, StandardCharsets.ISO_8859_1);
    assertThat(text).as(method).contains("grpc-status: 0");
    return text;
  }

  private static String id(String answer) {
    Matcher id = ID.matcher(answer);
    assertThat(id.find()).as(answer).isTrue();
    return id.group();
  }

  private static byte[] field(int number, String value) {
    return field(number, value.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] field(int number, byte[] value) {
    return join(varint((number << 3) | 2), varint(value.length), value);
  }

  private static byte[] field(int number, int value) {
    return join(varint(number << 3), varint(value));
  }

  private static byte[] varint(int value) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int left = value;
    for (; left > 0x7f; left >>>= 7) {
      bytes.write((left & 0x7f) | 0x80);
    }
    bytes.write(left);
    return bytes.toByteArray();
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      bytes.writeBytes(part);
    }
    return bytes.toByteArray();
  }
}
