"""The chat without a WebSocket: server-sent events and long polls to hear, posts to speak. The same cursor, the same use
cases and the same table of permissions; whoever changes the transport in the middle of a session loses nothing.
"""
