package io.bianque.agent.source;

/** Record of {@code tcp_listen}; its schema says what the fields are. */
public record TcpListen(
    long netns,
    int pid,
    String comm,
    long listenOverflows,
    long listenDrops,
    long reqQFullDrop,
    long reqQFullDoCookies) {}
