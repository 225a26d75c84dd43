"""The work of the employees who answer: finished actions, chats handled, the dated organisation chart, and the reports
made of them. It holds no social security number, whatever door the data comes by, and no more of a member of the public
than a case number. Of it leaves what a release grant names. What was said in a chat belongs to transcripts; ratings and reviews are not made here yet.
"""
