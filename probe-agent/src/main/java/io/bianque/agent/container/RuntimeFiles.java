package io.bianque.agent.container;

import io.bianque.agent.host.HostRoot;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What container runtimes and the kubelet leave on a host about a container: files for themselves,
 * of which each is read if it is there. For one thread, but for {@link #troubles}.
 */
final class RuntimeFiles {
  private static final Logger LOG = LoggerFactory.getLogger(RuntimeFiles.class);

  /** The largest are specs with long lists of mounts and variables. */
  private static final long LARGEST = 8L << 20;

  private static final int MOST_LABELS = 64;
  private static final int LONGEST_LABEL = 256;

  /** A bundle is {@code <one of these>/<containerd's namespace>/<id>}. */
  private static final List<String> CONTAINERD =
      List.of(
          "run/containerd/io.containerd.runtime.v2.task",
          "run/k3s/containerd/io.containerd.runtime.v2.task",
          "var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task");

  /** A bundle is {@code <one of these>/<storage driver>-containers/<id>/userdata}. */
  private static final List<String> STORAGE =
      List.of("run/containers/storage", "var/lib/containers/storage");

  private static final String DOCKER = "var/lib/docker";
  private static final String DOCKER_CONFIG = "etc/docker/daemon.json";
  private static final String KUBELET_LOGS = "var/log/pods";

  private static final Set<String> BUNDLE = Set.of("annotations");
  private static final Set<String> DOCKER_ROOT = Set.of("data-root");
  private static final Set<String> DOCKERS = Set.of("Name", "Config/Image", "Config/Labels");
  private static final Set<String> STORED = Set.of("id", "names", "metadata");
  private static final Set<String> STORED_METADATA = Set.of("image-name");

  /** Why a file that is there says nothing. */
  enum Trouble {
    UNREADABLE,
    /** No JSON, or none of the expected form: half written, as a rule, and read again later. */
    TORN,
    TOO_LARGE
  }

  private interface Reader<T> {
    T read(InputStream in) throws IOException;
  }

  private final HostRoot host;
  private final Map<Trouble, Long> troubles = new EnumMap<>(Trouble.class);
  private final Map<String, Optional<Map<String, Described>>> stores = new HashMap<>();
  private Map<String, Described> pods;
  private Path docker;

  RuntimeFiles(HostRoot host) {
    this.host = host;
  }

  /** Reads afresh from here on what is otherwise read once for many containers. */
  void lookAgain() {
    stores.clear();
    pods = null;
    docker = null;
  }

  /** How often a file was there and said nothing. Any thread. */
  Map<Trouble, Long> troubles() {
    synchronized (troubles) {
      return new EnumMap<>(troubles);
    }
  }

  /** What is known of a container; its names are not trusted to be paths. */
  Described container(String id, Optional<String> podUid) {
    Described found =
        id.contains("/") || id.startsWith(".")
            ? Described.NOTHING
            : docker(id).or(containerd(id)).or(stored(id));
    return podUid.or(found::podUid).map(uid -> found.or(pod(uid))).orElse(found);
  }

  /** What the kubelet's folders of logs say: {@code <namespace>_<pod>_<uid>}. */
  Described pod(String uid) {
    if (pods == null) {
      pods = new HashMap<>();
      for (Path folder : list(host.path(KUBELET_LOGS))) {
        String[] parts = folder.getFileName().toString().split("_", -1);
        if (parts.length == 3) {
          pods.put(
              parts[2],
              new Described(
                  Optional.empty(),
                  Optional.empty(),
                  Optional.empty(),
                  Optional.of(parts[2]),
                  Optional.of(parts[1]),
                  Optional.of(parts[0]),
                  Map.of()));
        }
      }
    }
    return pods.getOrDefault(uid, Described.NOTHING);
  }

  private Described docker(String id) {
    return read(
            dockers().resolve("containers").resolve(id).resolve("config.v2.json"),
            in -> JsonStrings.ofObject(in, DOCKERS))
        .map(RuntimeFiles::ofDocker)
        .orElse(Described.NOTHING);
  }

  /** Where Docker keeps its data, which its configuration may have put on another disk. */
  private Path dockers() {
    if (docker == null) {
      docker =
          read(host.path(DOCKER_CONFIG), in -> JsonStrings.ofObject(in, DOCKER_ROOT))
              .flatMap(config -> value(config, "data-root"))
              .filter(root -> root.startsWith("/"))
              .map(root -> host.path(root.substring(1)))
              .orElse(host.path(DOCKER));
    }
    return docker;
  }

  private static Described ofDocker(Map<String, String> config) {
    Map<String, String> labels = below("Config/Labels/", config);
    // Of the kubelet's, by cri-dockerd.
    Optional<String> inPod = value(labels, "io.kubernetes.container.name");
    return new Described(
        inPod.or(() ->
            value(config, "Name").map(name -> name.startsWith("/") ? name.substring(1) : name)),
        value(config, "Config/Image"),
        Optional.of("docker"),
        value(labels, "io.kubernetes.pod.uid"),
        value(labels, "io.kubernetes.pod.name"),
        value(labels, "io.kubernetes.pod.namespace"),
        shown(labels));
  }

  private Described containerd(String id) {
    for (String root : CONTAINERD) {
      for (Path namespace : list(host.path(root))) {
        Optional<Map<String, String>> bundle = bundle(namespace.resolve(id));
        // Docker's own containers have their bundles there too.
        if (bundle.isPresent() && !namespace.endsWith("moby")) {
          return ofContainerd(bundle.get());
        }
      }
    }
    return Described.NOTHING;
  }

  private static Described ofContainerd(Map<String, String> annotations) {
    return new Described(
        value(annotations, "io.kubernetes.cri.container-name"),
        value(annotations, "io.kubernetes.cri.image-name"),
        Optional.of("containerd"),
        value(annotations, "io.kubernetes.cri.sandbox-uid"),
        value(annotations, "io.kubernetes.cri.sandbox-name"),
        value(annotations, "io.kubernetes.cri.sandbox-namespace"),
        Map.of());
  }

  /** CRI-O and podman keep theirs in the same store. */
  private Described stored(String id) {
    Described found = Described.NOTHING;
    for (String root : STORAGE) {
      for (Path driver : list(host.path(root))) {
        if (driver.getFileName().toString().endsWith("-containers")) {
          found =
              found
                  .or(
                      bundle(driver.resolve(id).resolve("userdata"))
                          .map(RuntimeFiles::ofStorage)
                          .orElse(Described.NOTHING))
                  .or(store(driver).getOrDefault(id, Described.NOTHING));
        }
      }
    }
    return found;
  }

  private static Described ofStorage(Map<String, String> annotations) {
    boolean crio = annotations.containsKey("io.kubernetes.cri-o.ContainerID");
    Map<String, String> labels =
        value(annotations, "io.kubernetes.cri-o.Labels").map(RuntimeFiles::flat).orElse(Map.of());
    Map<String, String> all = new HashMap<>(labels);
    all.putAll(annotations);
    return new Described(
        value(all, "io.kubernetes.container.name"),
        value(all, "io.kubernetes.cri-o.ImageName"),
        crio
            ? Optional.of("cri-o")
            : value(annotations, "io.container.manager")
                .filter("libpod"::equals)
                .map(_ -> "podman"),
        value(all, "io.kubernetes.pod.uid"),
        value(all, "io.kubernetes.pod.name"),
        value(all, "io.kubernetes.pod.namespace"),
        shown(labels));
  }

  private static Map<String, String> flat(String json) {
    try {
      return below("all/", JsonStrings.ofObject("{\"all\":" + json + "}", Set.of("all")));
    } catch (IOException e) {
      return Map.of();
    }
  }

  /** The store's list of all its containers, by id. */
  private Map<String, Described> store(Path driver) {
    return stores
        .computeIfAbsent(
            driver.toString(),
            _ ->
                read(
                    driver.resolve("containers.json"),
                    in -> {
                      Map<String, Described> all = new HashMap<>();
                      for (Map<String, String> each : JsonStrings.ofObjects(in, STORED)) {
                        all.put(each.getOrDefault("id", ""), ofStore(each));
                      }
                      return all;
                    }))
        .orElse(Map.of());
  }

  private static Described ofStore(Map<String, String> container) throws IOException {
    String metadata = container.get("metadata");
    Optional<String> image =
        metadata == null || metadata.isEmpty()
            ? Optional.empty()
            : value(JsonStrings.ofObject(metadata, STORED_METADATA), "image-name");
    return new Described(
        value(container, "names/0"),
        image,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Map.of());
  }

  /** The annotations of an OCI bundle. */
  private Optional<Map<String, String>> bundle(Path folder) {
    return read(folder.resolve("config.json"), in -> JsonStrings.ofObject(in, BUNDLE))
        .map(found -> below("annotations/", found));
  }

  private <T> Optional<T> read(Path file, Reader<T> reader) {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      if (!attributes.isRegularFile()) {
        return trouble(Trouble.UNREADABLE, file, "is no regular file");
      }
      if (attributes.size() > LARGEST) {
        return trouble(Trouble.TOO_LARGE, file, attributes.size() + " bytes");
      }
      return open(file, reader);
    } catch (NoSuchFileException | NotDirectoryException absent) {
      return Optional.empty();
    } catch (IOException e) {
      return trouble(Trouble.UNREADABLE, file, e.toString());
    }
  }

  private <T> Optional<T> open(Path file, Reader<T> reader) throws IOException {
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
      try {
        return Optional.of(reader.read(in));
      } catch (IOException e) {
        return trouble(Trouble.TORN, file, e.getMessage());
      }
    }
  }

  private <T> Optional<T> trouble(Trouble trouble, Path file, String why) {
    long times;
    synchronized (troubles) {
      times = troubles.merge(trouble, 1L, Long::sum);
    }
    // The first of its kind for the operator, the rest in the metrics.
    String word = trouble.name().toLowerCase(Locale.ROOT);
    if (times == 1) {
      LOG.warn("{} is {}, its container stays without a name: {}", file, word, why);
    } else {
      LOG.debug("{} is {}: {}", file, word, why);
    }
    return Optional.empty();
  }

  private List<Path> list(Path folder) {
    List<Path> all = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      entries.forEach(all::add);
    } catch (NoSuchFileException | NotDirectoryException absent) {
      return List.of();
    } catch (IOException | DirectoryIteratorException e) {
      var _ = trouble(Trouble.UNREADABLE, folder, e.toString());
    }
    return all;
  }

  private static Optional<String> value(Map<String, String> all, String name) {
    return Optional.ofNullable(all.get(name)).filter(value -> !value.isEmpty());
  }

  private static Map<String, String> below(String prefix, Map<String, String> all) {
    Map<String, String> below = new HashMap<>();
    all.forEach((name, value) -> {
      if (name.startsWith(prefix)) {
        below.put(name.substring(prefix.length()), value);
      }
    });
    return below;
  }

  /** Bounded, and without the kubelet's own, which stand in fields. */
  private static Map<String, String> shown(Map<String, String> labels) {
    Map<String, String> shown = new TreeMap<>();
    new TreeMap<>(labels)
        .forEach((name, value) -> {
          if (!name.startsWith("io.kubernetes.")
              && name.length() <= LONGEST_LABEL
              && value.length() <= LONGEST_LABEL
              && shown.size() < MOST_LABELS) {
            shown.put(name, value);
          }
        });
    return shown;
  }
}
