//! What a Session is told.

use actix::prelude::*;

use crate::chat::lobbies::LobbyId;
use crate::chat::text::Text;
use crate::render::replies::Farewell;

/// Say this and end the connection.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Disconnect(pub Farewell);

/// A question of this user's is over, however it ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct QuestionOver;

/// The lobby that the user was in is gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyLost(pub LobbyId);

/// The user was put out of this lobby.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MoveToGeneral(pub LobbyId);

/// The user may not speak in this lobby any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Silenced(pub LobbyId);

/// The user's name is theirs no more, and these words of theirs were not sent: they need another one, or say this
/// and end the connection.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LostName(pub Vec<Text>, pub Option<Farewell>);

/// Other settings are in force, or others are admins.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reconfigured;
