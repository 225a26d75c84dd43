"""The registers that the law asks for and the code obeys: systems of records and what they cover, authorities, policies
with their validity, and the texts that people are trained by and sign.
"""
